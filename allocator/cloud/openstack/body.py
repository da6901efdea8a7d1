"""Nova's request for a server, from what an instance shall be."""

from typing import Any

from allocator.cloud.openstack.labels import intent_tags, metadata_of, pool_tags
from allocator.cloud.openstack.names import Names
from allocator.cloud.protocol import InstanceSpec


def server_body(spec: InstanceSpec, owner: str, names: Names) -> dict[str, Any]:
    """Return the attributes of a new server; Nova makes its port.

    Raises
    ------
    CloudError
        If the cloud lacks something the pool names.
    """
    image_id = names.image(spec.image)
    body: dict[str, Any] = {
        "name": spec.intent_id,
        "flavor_id": names.flavor(spec.flavor),
        "tags": [*pool_tags(owner, spec.pool), intent_tags(owner, spec.intent_id)[1]],
        "metadata": metadata_of(spec.intent_id, image_id),
        "networks": _networks(spec, names),
    }
    if spec.volume_gb:
        body["block_device_mapping"] = [_volume(image_id, spec.volume_gb)]
    else:
        body["image_id"] = image_id
    if spec.zone:
        body["availability_zone"] = spec.zone
    return body


def _networks(spec: InstanceSpec, names: Names) -> Any:
    """Return what Nova takes: a list, or its words for the only network there is, or for none."""
    if spec.network in {"", "auto"}:
        return "auto"
    if spec.network == "none":
        return "none"
    return [{"uuid": names.network(spec.network)}]


def _volume(image_id: str, size_gb: int) -> dict[str, Any]:
    """Return a boot volume that Nova makes of the image and deletes with the server."""
    return {
        "uuid": image_id, "source_type": "image", "destination_type": "volume", "boot_index": 0,
        "volume_size": size_gb, "delete_on_termination": True,
    }  # fmt: skip

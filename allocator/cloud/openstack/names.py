"""Finds what pools name: flavors, images, networks, QoS policies. Remembers what it found."""

import threading
import time
from collections.abc import Callable
from typing import Any

from allocator.cloud.openstack.errors import translated
from allocator.cloud.protocol import CloudError
from allocator.machine.observed import Answer

# An image is replaced by uploading a newer one of the same name; the rest hardly changes.
IMAGE_S = 60.0
OTHER_S = 3600.0


class Names:
    """Returns ids for names.

    Parameters
    ----------
    connection
        To the cloud.
    clock
        Returns monotonic seconds.
    """

    def __init__(self, connection: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[str, float]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def flavor(self, name: str) -> str:
        """Return a flavor's id.

        Raises
        ------
        CloudError
            If there is none of this name (REFUSED), or nobody answers.
        """
        return self._find("flavor", name, OTHER_S, self._flavor)

    def size(self, name: str) -> tuple[int, int]:
        """Return a flavor's cores and memory (MiB)."""
        self.flavor(name)
        return self._sizes.get(name, (1, 1))

    def network(self, name: str) -> str:
        """Return a network's id."""
        find = self._connection.network.find_network
        return self._find("network", name, OTHER_S, lambda: find(name, ignore_missing=True))

    def qos_policy(self, name: str) -> str:
        """Return a QoS policy's id."""
        find = self._connection.network.find_qos_policy
        return self._find("QoS policy", name, OTHER_S, lambda: find(name, ignore_missing=True))

    def image(self, name: str) -> str:
        """Return the id of the newest usable image of a name; the name may be an id as well."""
        return self._find("image", name, IMAGE_S, lambda: self._image(name))

    def known_image(self, name: str) -> str:
        """Return an image's id, the last one found while the image service does not answer."""
        try:
            return self.image(name)
        except CloudError as error:
            known = self._known.get(("image", name))
            if known is None or error.answer is Answer.REFUSED:
                raise
            return known[0]

    def _image(self, name: str) -> Any:
        images = self._connection.image.images
        found = images(name=name, status="active", sort="created_at:desc")
        newest = next(iter(found), None)
        if newest is not None:
            return newest
        by_id = self._connection.image.find_image(name, ignore_missing=True)
        return by_id if by_id is not None and by_id.status == "active" else None

    def _flavor(self, name: str) -> Any:
        found = self._connection.compute.find_flavor(name, ignore_missing=True)
        if found is not None:
            self._sizes[name] = (int(found.vcpus or 1), int(found.ram or 1))
        return found

    def _find(self, kind: str, name: str, for_s: float, find: Callable[..., Any]) -> str:
        with self._lock:
            known = self._known.get((kind, name))
        if known is not None and self._clock() < known[1]:
            return known[0]
        with translated(f"find {kind} {name!r}"):
            found = find(name) if kind == "flavor" else find()
        if found is None:
            text = f"this cloud has no usable {kind} named {name!r}: see the pools file"
            raise CloudError(text, Answer.REFUSED)
        with self._lock:
            self._known[kind, name] = (str(found.id), self._clock() + for_s)
        return str(found.id)

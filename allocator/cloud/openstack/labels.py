"""How instances and ports are marked as ours, so that they are found by one listing."""

import hashlib
from collections.abc import Mapping

# Nova's bound on a tag; it may hold neither a slash nor a comma.
TAG_CHARS = 60
INTENT, IMAGE = "warmfront.intent", "warmfront.image"


def tag(key: str, value: str) -> str:
    """Return a tag of one of our keys; a value that Nova would refuse goes in as its hash.

    Examples
    --------
    >>> tag("pool", "office")
    'warmfront.pool=office'
    >>> tag("pool", "a/b")
    'warmfront.pool=#c14cddc033f64b9d'
    """
    plain = f"warmfront.{key}={value}"
    if len(plain) <= TAG_CHARS and not set(value) & set("/,#"):
        return plain
    return f"warmfront.{key}=#{hashlib.sha256(value.encode()).hexdigest()[:16]}"


def pool_tags(owner: str, pool: str) -> list[str]:
    """Return the tags that all instances of an owner's pool have."""
    return [tag("owner", owner), tag("pool", pool)]


def intent_tags(owner: str, intent_id: str) -> list[str]:
    """Return the tags that only the instance of one intent has, or its duplicates."""
    return [tag("owner", owner), tag("intent", intent_id)]


def port_label(owner: str, pool: str) -> str:
    """Return the description of a pool's ports: Neutron filters by it, and sets it atomically.

    Examples
    --------
    >>> port_label("site", "office")
    'warmfront owner=site pool=office'
    """
    return f"warmfront owner={owner} pool={pool}"


def metadata_of(intent_id: str, image_id: str) -> dict[str, str]:
    """Return what an instance says of itself; tags are too short to hold every intent."""
    return {INTENT: intent_id, IMAGE: image_id}


def intent_of(metadata: Mapping[str, str] | None) -> str:
    """Return the intent an instance was made for; empty where it has none.

    Examples
    --------
    >>> intent_of(metadata_of("office-1", "image-id")), intent_of(None)
    ('office-1', '')
    """
    return (metadata or {}).get(INTENT, "")

"""Data references as 64-bit keys; the reference is a keyed hash already, never a path."""

from hashlib import blake2b


def data_key(data_ref: str) -> int:
    """Return the key of a reference: 16 hex digits are the key itself, anything else is hashed.

    Examples
    --------
    >>> data_text(data_key("00000000deadbeef"))
    '00000000deadbeef'
    >>> data_key("anything else") < 2**64
    True
    """
    if len(data_ref) == 16 and set(data_ref) <= set("0123456789abcdef"):
        return int(data_ref, 16)
    return int.from_bytes(blake2b(data_ref.encode(), digest_size=8).digest(), "big")


def data_text(key: int) -> str:
    """Return a key as 16 hex digits."""
    return f"{key:016x}"

"""Which partition a pool belongs to: Kafka's default partitioner (murmur2), as producers use it."""

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


def partition_of(key: bytes, partitions: int) -> int:
    """Return a key's partition (Java's Utils.murmur2, seed 0x9747b28c).

    Examples
    --------
    >>> [partition_of(name, 4) for name in (b"office", b"build", b"default")]
    [1, 3, 3]
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Return the 32-bit MurmurHash2 of the bytes.

    Examples
    --------
    >>> murmur2(b"21") - 2**32  # the Java client's own test vector
    -973932308
    """
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for start in range(0, whole, 4):
        k = int.from_bytes(data[start : start + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15

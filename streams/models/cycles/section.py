"""The byte form of a profile section: one version byte, then a msgpack array.

msgspec decodes into a typed struct in about 1 us and refuses wrong types, wrong lengths and
truncated input, so that a section only has to check ranges.
"""

from typing import TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)


def encode_section(version: int, state: msgspec.Struct) -> bytes:
    r"""Return `state` (an array-like struct) as bytes that begin with the version.

    Examples
    --------
    >>> class Count(msgspec.Struct, array_like=True):
    ...     value: int
    >>> encode_section(1, Count(5))
    b'\x01\x91\x05'
    """
    return bytes((version,)) + msgspec.msgpack.encode(state)


def decode_section(
    name: str, version: int, decoder: "msgspec.msgpack.Decoder[S]", data: bytes
) -> S:
    r"""Return the struct in `data`.

    Raises
    ------
    ValueError
        If the bytes are empty, of another version, truncated or no such struct.

    Examples
    --------
    >>> class Count(msgspec.Struct, array_like=True):
    ...     value: int
    >>> decode_section("count", 1, msgspec.msgpack.Decoder(Count), b"\x01\x91\x05").value
    5
    """
    if not data:
        raise ValueError(f"{name}: the section is empty")
    if data[0] != version:
        raise ValueError(f"{name}: version {data[0]} is not {version}")
    try:
        return decoder.decode(data[1:])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{name}: {error}") from error

"""Messages as somebody would write them who means ill: changed bytes, or values beyond sense."""

import random
from typing import Any

import msgspec

from schemas.codec import Codec
from schemas.topics import Topic

HEADER = 5
# Names as a shell, a page, a database or a terminal would stumble over.
NAMES = [
    "", "$(reboot)", "<script>alert(1)</script>", "'; DROP TABLE t;--", "\x00\x1b[2J", "a" * 9999,
]  # fmt: skip
NUMBERS = [0.0, -1.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf")]
WHOLE = [0, -1, 1, 2**31, -(2**31), 2**53, 2**62, -(2**62)]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Valid bytes with a few of them changed, cut out, repeated or added."""
    body = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(HEADER, len(body) + 1)
        kind = chance.randrange(4)
        if kind == 0 and at < len(body):
            body[at] = chance.randrange(256)
        elif kind == 1:
            del body[at : at + chance.randrange(1, 9)]
        elif kind == 2:
            body[at:at] = body[at : at + chance.randrange(1, 9)]
        else:
            body[at:at] = chance.randbytes(chance.randrange(1, 5))
    return bytes(body)


def bent(record: msgspec.Struct, chance: random.Random) -> msgspec.Struct:
    """The record with one value, anywhere in it, that nobody honest would send."""
    name = chance.choice(record.__struct_fields__)
    return msgspec.structs.replace(record, **{name: _bent(getattr(record, name), chance)})


def _bent(value: Any, chance: random.Random) -> Any:
    if isinstance(value, msgspec.Struct):
        return bent(value, chance)
    if isinstance(value, list) and value:
        at = chance.randrange(len(value))
        if chance.random() < 0.2:
            return value[:at]
        return [*value[:at], _bent(value[at], chance), *value[at + 1 :]]
    if isinstance(value, bytes) and value:
        return mutated(bytes(HEADER) + value, chance)[HEADER:]
    if isinstance(value, str):
        return chance.choice(NAMES)
    if isinstance(value, int) and not isinstance(value, bool):
        return chance.choice([*WHOLE, value + 1, value - 1])
    if isinstance(value, float):
        return chance.choice([*NUMBERS, -value])
    return None if value is not None else chance.choice([*WHOLE, *NUMBERS, *NAMES])


def hostile(codec: Codec, topic: Topic, record: msgspec.Struct, chance: random.Random) -> bytes:
    """Bytes made of a good record: half of them changed bytes, half a bent value."""
    if chance.random() < 0.5:
        try:
            return codec.encode(topic, bent(record, chance))
        except (ValueError, OverflowError, TypeError):
            pass  # what can't be written down is no message; changed bytes are
    return mutated(codec.encode(topic, record), chance)

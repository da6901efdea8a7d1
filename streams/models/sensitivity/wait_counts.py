"""How all users behave after waits and without: integer counts that merge exactly."""

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Annotated

import msgspec

from streams.models.cycles.section import decode_section, encode_section

_VERSION = 1
_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**62)]


class _State(msgspec.Struct, array_like=True):
    numbers: tuple[_Count, ...]


_STATE = msgspec.msgpack.Decoder(_State)


@dataclass(slots=True)
class WaitCounts:
    """The population's reactions, waits and controls (launches served at once) apart.

    Examples
    --------
    >>> left, right = WaitCounts(waits=2, waited_ms=90_000, abandons=1), WaitCounts(waits=1)
    >>> left.merge(right)
    >>> left.waits, WaitCounts.from_bytes(left.to_bytes()) == left
    (3, True)
    """

    waits: int = 0
    waited_ms: int = 0
    abandons: int = 0
    served: int = 0  # waits that were not abandoned: only those have an aftermath
    served_ms: int = 0
    relaunches: int = 0
    cuts: int = 0
    controls: int = 0
    control_relaunches: int = 0
    control_cuts: int = 0

    def merge(self, other: "WaitCounts") -> None:
        """Add another partition's or hour's counts."""
        for field in fields(self):
            total = getattr(self, field.name) + getattr(other, field.name)
            setattr(self, field.name, total)

    def to_bytes(self) -> bytes:
        return encode_section(_VERSION, _State(_NUMBERS(self)))

    @classmethod
    def from_bytes(cls, data: bytes) -> "WaitCounts":
        numbers = decode_section("wait counts", _VERSION, _STATE, data).numbers
        if len(numbers) != len(fields(cls)):
            raise ValueError(f"wait counts: {len(numbers)} numbers")
        return cls(*numbers)


# `astuple` copies each number deeply, which takes 60 us.
_NUMBERS = attrgetter(*(field.name for field in fields(WaitCounts)))

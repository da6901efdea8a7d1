"""What is learnt across users: immutable between periods, the same on every partition."""

from dataclasses import dataclass

import msgspec

from streams.models.programs.delta import PopulationDelta

VERSION = 1


@dataclass(frozen=True, slots=True)
class Population:
    """Names and contexts of the programs of all users, and the learnt parts of the model."""

    version: int = 0

    @classmethod
    def empty(cls) -> "Population":
        """Return what is known before the first launch."""
        return cls()

    def advanced(self, delta: PopulationDelta) -> "Population":
        """Return what is known with the statistics of one period more."""
        del delta
        return Population(self.version + 1)

    def to_bytes(self) -> bytes:
        """Return it as versioned bytes."""
        return msgspec.msgpack.encode((VERSION, self.version))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Population":
        """Return a saved population; raises ValueError for bytes that are none."""
        try:
            version, number = msgspec.msgpack.decode(data, type=tuple[int, int])
        except msgspec.DecodeError as error:
            raise ValueError(f"no population of programs: {error}") from error
        if version != VERSION:
            raise ValueError(f"population of programs of version {version}, not {VERSION}")
        return cls(number)

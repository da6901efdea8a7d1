"""Tells bytes that are no state from a state that another release wrote.

The first are refused and buried. The second are somebody's whole memory: after a downgrade it would
be wrong to go on as if there were nothing, and to write that over them.
"""

from collections.abc import Collection
from typing import Protocol, TypeVar

import msgspec

# A version is a small number; a larger one is hostile, or no version at all.
MOST = 1000


class _Versioned(Protocol):
    @property
    def version(self) -> int: ...


State = TypeVar("State", bound=_Versioned)


class _Head(msgspec.Struct, array_like=True):
    version: int


_head = msgspec.msgpack.Decoder(_Head)


class OtherVersionError(Exception):
    """A state that another release wrote. No ValueError: it must not be taken for hostile bytes."""


def decoded(
    decoder: msgspec.msgpack.Decoder[State], data: bytes, what: str, known: int,
    before: Collection[int] = (),
) -> State:  # fmt: skip
    """Return a state whose first field is its version.

    Parameters
    ----------
    decoder
        Of the state's layout in this release.
    data
        What is kept.
    what
        What it is the state of, as in "no user state".
    known
        The version that this release writes and reads.
    before
        Older versions that it reads too, none by default: the caller brings them up to date.

    Raises
    ------
    OtherVersionError
        If the bytes are a state of another version.
    ValueError
        If they are none.
    """
    try:
        state = decoder.decode(data)
    except msgspec.DecodeError as error:
        if _head_version(data) not in before:
            refuse_other(data, what, known)
        raise ValueError(f"no {what}: {error}") from error
    if state.version != known and state.version not in before:
        refuse_other(data, what, known)
        raise ValueError(f"no {what}: version {state.version}")
    return state


def _head_version(data: bytes) -> int | None:
    try:
        return _head.decode(data).version
    except msgspec.DecodeError:
        return None


def refuse_other(data: bytes, what: str, known: int) -> None:
    """Raise OtherVersionError if the bytes say that another release wrote them.

    Examples
    --------
    >>> try:
    ...     refuse_other(msgspec.msgpack.encode([9, "from the future"]), "user state", 1)
    ... except OtherVersionError as error:
    ...     str(error).split(":")[0]
    'user state of version 9, this release reads 1'
    >>> refuse_other(b"hostile", "user state", 1)
    """
    found = _head_version(data)
    if found is not None and found != known and 0 < found < MOST:
        raise OtherVersionError(
            f"{what} of version {found}, this release reads {known}: nothing is changed; run the "
            "release that wrote it, see Upgrades in docs/how-to/deploy.md"
        )

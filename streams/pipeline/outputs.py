"""What a fold gives out: records for topics, as data, and their deterministic ids."""

from dataclasses import dataclass

import msgspec

from schemas.topics import Topic


@dataclass(frozen=True, slots=True)
class Output:
    """A record to be sent.

    Parameters
    ----------
    topic
        Where it goes.
    key
        Its key, as text.
    record
        What is said; None takes back all that was said under the key (a tombstone).
    """

    topic: Topic
    key: str
    record: msgspec.Struct | None


def output_id(stage: str, partition: int, offset: int, number: int = 0) -> str:
    """Return the id of a stage's `number`-th output for one input; a repeat gets the same.

    Examples
    --------
    >>> output_id("profile", 3, 41, 2)
    'profile-3-41-2'
    """
    return f"{stage}-{partition}-{offset}-{number}"


def place_of(name: str) -> tuple[str, tuple[int, int]]:
    """Return what `output_id` named: the stage with its partition, and the place in its log.

    Raises
    ------
    ValueError
        If the id is none of those.

    Examples
    --------
    >>> place_of("profile-3-41-2")
    ('profile-3', (41, 2))
    """
    source, *place = name.rsplit("-", 2)
    if len(place) != 2 or not all(part.isdecimal() for part in place):
        raise ValueError("an id that no stage gives")
    return source, (int(place[0]), int(place[1]))

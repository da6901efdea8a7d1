"""What the collector of cyclic garbage is told in a worker."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from streams.runtime import garbage


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class _Node:
    """Something that can be part of a cycle."""

    def __init__(self) -> None:
        self.other: _Node | None = None


def test_what_is_loaded_is_put_aside() -> None:
    kept = [_Node() for _ in range(1000)]

    garbage.spare()

    assert gc.get_freeze_count() > len(kept)


def test_cycles_that_come_later_are_still_freed() -> None:
    garbage.spare()
    node = _Node()
    node.other = node
    gone = weakref.ref(node)

    del node
    young = [_Node() for _ in range(garbage.YOUNG + 1)]

    assert gone() is None, f"{len(young)} new objects did not start a pass"


def test_what_was_put_aside_is_freed_by_its_references() -> None:
    node = _Node()
    gone = weakref.ref(node)
    garbage.spare()

    del node

    assert gone() is None

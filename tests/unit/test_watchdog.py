"""A worker that has stopped working without an error is ended."""

from types import SimpleNamespace
from typing import ClassVar

import pytest
from faust.types import TP

from streams.runtime import watchdog


class Consumer:
    """Owns one partition of a topic, with something unread and nothing committed."""

    _committed_offset: ClassVar[dict[TP, int]] = {}
    app = SimpleNamespace(topics=SimpleNamespace(acks_enabled_for=lambda topic: topic == "source"))

    def __init__(self, topic: str) -> None:
        self._owned = {TP(topic, 0)}

    def assignment(self) -> set[TP]:
        return self._owned

    def highwater(self, tp: TP) -> int:
        return 5


@pytest.mark.parametrize(("topic", "ends"), [("source", 1), ("changelog", 0)])
def test_only_a_source_that_is_not_read_is_stuck(
    monkeypatch: pytest.MonkeyPatch, topic: str, ends: int
) -> None:
    ended: list[str] = []
    monkeypatch.setattr(watchdog, "end_process", lambda reason, **_: ended.append(reason))
    looks = watchdog.CommitWatchdog()
    for now_s in (0.0, 60.0, 121.0):
        looks.check(Consumer(topic), now_s)
    assert len(ended) == ends


class Recovery:
    active_offsets: ClassVar = {TP("changelog", 0): 3}

    def active_remaining(self) -> dict[TP, int]:
        return {TP("changelog", 0): 7}


class App:
    """A worker whose group rebalances."""

    consumer_generation_id = 2
    tables = SimpleNamespace(recovery=Recovery())

    def __init__(self, rebalancing_count: int, *, rebalancing: bool) -> None:
        self.rebalancing_count = rebalancing_count
        self.rebalancing = rebalancing


@pytest.mark.parametrize(
    ("apps", "ends"),
    [
        pytest.param([App(1, rebalancing=True)] * 2, 1, id="stands still"),
        pytest.param([App(0, rebalancing=False)] * 2, 1, id="never in its group"),
        pytest.param([App(1, rebalancing=True), App(2, rebalancing=True)], 0, id="gets on"),
        pytest.param([App(1, rebalancing=False)] * 2, 0, id="is at work"),
    ],
)
def test_a_recovery_that_stands_still_ends_the_worker(
    monkeypatch: pytest.MonkeyPatch, apps: list[App], ends: int
) -> None:
    ended: list[object] = []
    monkeypatch.setattr(watchdog, "end_process", lambda reason, **facts: ended.append(facts))
    looks = watchdog.RecoveryWatchdog()
    for now_s, app in zip((0.0, 91.0), apps, strict=True):
        looks.check(app, now_s)
    assert len(ended) == ends

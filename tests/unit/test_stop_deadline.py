"""A worker that is told to stop ends, if not by itself."""

import threading
import time

from streams.runtime.stop_deadline import LOOK_EVERY_S, watch_stop


def test_a_stop_that_stands_still_is_ended() -> None:
    told, ended = threading.Event(), threading.Event()
    watch_stop(told.is_set, deadline_s=0.1, end=lambda *_, **__: ended.set())
    told.set()
    assert ended.wait(60)


def test_a_worker_that_was_not_told_to_stop_goes_on() -> None:
    ended = threading.Event()
    watch_stop(lambda: False, deadline_s=0.0, end=lambda *_, **__: ended.set())
    time.sleep(2 * LOOK_EVERY_S)
    assert not ended.is_set()

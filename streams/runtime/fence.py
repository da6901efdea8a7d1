"""Ends a worker that was paused for so long that another may own its partitions by now.

A stopped process (SIGSTOP, a frozen machine) goes on where it was, with input that its successor
has worked on meanwhile. Nothing of it may be written, so the first thing it does is to end.
"""

import math
import threading
import time

from streams.runtime.guard import end_process

LOOK_EVERY_S = 0.5
PAUSED = "paused for longer than a session lasts"


class Fence:
    """Notices that time passed without this process.

    Parameters
    ----------
    limit_s
        A longer pause ends the process; less than the consumer group's session timeout.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._seen_s = math.inf  # a worker that has not started can't have been paused

    def start(self) -> None:
        """Look at the clock in a thread of its own, which a busy event loop can't hold up."""
        self._seen_s = time.monotonic()
        threading.Thread(target=self._run, name="fence", daemon=True).start()

    def check(self) -> None:
        """End the process if it was paused; called before anything is sent."""
        pause_s = time.monotonic() - self._seen_s
        if pause_s > self._limit_s:
            end_process(PAUSED, seconds=round(pause_s, 1))

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_S)
            self.check()
            self._seen_s = time.monotonic()

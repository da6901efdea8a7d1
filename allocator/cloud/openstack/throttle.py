"""Leaves the cloud alone for as long as it asked to be."""

import threading
from collections.abc import Callable

from allocator.cloud.protocol import CloudError
from allocator.machine.observed import Answer

# A proxy that asks for a day would stop the reserve: calls are tried again after this.
LONGEST_S = 300.0


class Throttle:
    """Refuses calls here while the cloud would refuse them there.

    Parameters
    ----------
    clock
        Returns monotonic seconds.

    Examples
    --------
    >>> now = [0.0]
    >>> throttle = Throttle(lambda: now[0])
    >>> throttle.asked(5.0)
    >>> throttle.check("list")
    Traceback (most recent call last):
    allocator.cloud.protocol.CloudError: list: the cloud asked to be left alone for another 5 s
    >>> now[0] = 5.0
    >>> throttle.check("list")
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until_s = float("-inf")

    def asked(self, seconds: float) -> None:
        """Note that the cloud asked for a pause."""
        with self._lock:
            self._until_s = max(self._until_s, self._clock() + min(seconds, LONGEST_S))

    def check(self, what: str) -> None:
        """Raise CloudError where a call comes too early; nothing was done then."""
        left_s = self._until_s - self._clock()
        if left_s > 0:
            raise CloudError(
                f"{what}: the cloud asked to be left alone for another {left_s:.0f} s",
                Answer.REFUSED,
                retry_after_s=left_s,
            )

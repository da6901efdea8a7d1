"""Ends a worker that was told to stop and does not.

None is known that does not, since a rebalance amid a stop no longer closes the consumer under it
(one of some 300 stops stood still). Whatever was not settled by then comes again to another worker.
"""

import threading
import time
from collections.abc import Callable

from streams.runtime.guard import end_process

# Longer than a step that is let end and a settlement may take together.
STOP_DEADLINE_S = 60.0
LOOK_EVERY_S = 0.5


def watch_stop(
    is_stopping: Callable[[], bool], deadline_s: float = STOP_DEADLINE_S,
    end: Callable[..., None] = end_process,
) -> None:  # fmt: skip
    """Watch from a thread of its own, which the event loop's end can't hold up.

    Parameters
    ----------
    is_stopping
        Tells whether the worker was told to stop.
    deadline_s
        How long it may then take.
    end
        Ends the process; an argument so that tests can see it called.
    """

    def watch() -> None:
        while not is_stopping():
            time.sleep(LOOK_EVERY_S)
        time.sleep(deadline_s)
        end("the stop stands still", seconds=deadline_s)

    threading.Thread(target=watch, name="stop-deadline", daemon=True).start()

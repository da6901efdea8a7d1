"""Does something again and again, in a thread, while a test goes on."""

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def again_and_again(action: Callable[[], None], every_s: float, end_s: float) -> Iterator[None]:
    """Call every so many seconds; a call under way at the end is given `end_s` to return."""
    is_over = threading.Event()

    def run() -> None:
        while not is_over.wait(every_s):
            action()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(end_s)

"""Stops in good order: a signal is noted, and asked for between two steps."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

KINDS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def until_signalled() -> Iterator[Callable[[], bool]]:
    """Give a question that is true once SIGINT or SIGTERM came; the main thread's alone.

    Examples
    --------
    >>> with until_signalled() as stopped:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     stopped()
    True
    """
    signals: list[int] = []
    before = [signal.signal(kind, lambda number, _frame: signals.append(number)) for kind in KINDS]
    try:
        yield lambda: bool(signals)
    finally:
        for kind, handler in zip(KINDS, before, strict=True):
            signal.signal(kind, handler)

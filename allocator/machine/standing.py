"""Who is served first, and until when a wait makes sense: from the request, else from the person.

A person's latency sensitivity is what his waited minute costs against a normal user's (1), as his
profile estimates it. Twice as sensitive is one step of priority, and half the patience.
"""

from math import log2

MOST_STEPS = 3
LEAST_PATIENCE = 0.25


def priority_of(asked: int | None, sensitivity: float) -> int:
    """The priority of a request: as asked, else from -3 to 3 by the person's sensitivity.

    Examples
    --------
    >>> priority_of(None, 1.0), priority_of(None, 4.2), priority_of(7, 4.2), priority_of(None, 0.1)
    (0, 2, 7, -3)
    """
    if asked is not None:
        return asked
    steps = round(log2(min(max(sensitivity, 2.0**-MOST_STEPS), 2.0**MOST_STEPS)))
    return max(-MOST_STEPS, min(MOST_STEPS, steps))


def deadline_of(asked_ms: int | None, now_ms: int, max_wait_ms: int, sensitivity: float) -> int:
    """Until when to wait: as asked, else shorter for the sensitive, a quarter at the least.

    Examples
    --------
    >>> deadline_of(None, 0, 800_000, 2.0), deadline_of(5, 0, 800_000, 2.0)
    (400000, 5)
    """
    if asked_ms is not None:
        return asked_ms
    patience = min(1.0, max(LEAST_PATIENCE, 1.0 / max(sensitivity, 1e-9)))
    return now_ms + int(max_wait_ms * patience)

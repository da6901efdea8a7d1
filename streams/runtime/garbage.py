"""Sets Python's collector of cyclic garbage for a process that keeps millions of objects for long.

Users are freed by their reference counts; nothing of the fold makes cycles. As Python ships it, the
collector still looks through what lives as long as the worker each time a quarter more has come:
10 to 14 % of the fold's time and 30 % of decoding a user, measured in turns in one process.
"""

import gc

# Objects that are new before the young are looked through: 700 come with each user decoded.
YOUNG = 50_000
# Passes over the young before the middle-aged, and over those before all: seldom, but it comes.
MIDDLE, OLD = 20, 50


def spare() -> None:
    """Put aside what is there now, and look through the rest seldom.

    Called when everything is loaded and compiled: some 500,000 objects are then never looked at
    again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)

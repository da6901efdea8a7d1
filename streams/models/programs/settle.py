"""All that a launch settles, in one kernel: what it teaches, and what became of what was stated."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streams.models.compiled import kernel
from streams.models.programs.biases import CAREFUL_KEYS, CAREFUL_RATE, QUICK_RATE, correct
from streams.models.programs.calibration import (
    CALIBRATION_BINS,
    resolve,
    short_hash,
)  # fmt: skip
from streams.models.programs.hashing import place_among
from streams.models.programs.layout import CALIBRATION
from streams.models.programs.learn import learn
from streams.models.programs.share import CAREFUL, QUICK, share_out
from streams.models.programs.sums_table import Table, add_few, with_room

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@kernel
def settle(
    name_hash: int, time_ms: int, names: Integers, states: npt.NDArray[np.int16], features: Floats,
    p: Floats, said: Floats, sets: Integers, places: Integers,
    own_weights: npt.NDArray[np.float32], careful_biases: npt.NDArray[np.int16],
    quick_biases: npt.NDArray[np.int16], shares: npt.NDArray[np.float32], axes: Floats,
    curvature: Floats, launches: int, followed: Integers, followed_sizes: Integers,
    windows_ms: Integers, own_calibration: npt.NDArray[np.float32], table: Table,
) -> Any:  # fmt: skip
    """Move a user's own parts by the launch of a program; return the table with what all learn.

    names to places are what was mixed before the launch, own_weights to shares and followed to
    own_calibration the user's. Five kernels took twice as long: each call from Python has cold
    caches to fill again.
    """
    y = place_among(names, name_hash)
    table = learn(
        y, states, features, p, said, sets, own_weights, axes, curvature, launches, table
    )  # fmt: skip
    if y >= 0:
        share_out(shares, said, y)
        correct(careful_biases, places[:, :CAREFUL_KEYS], said[CAREFUL], y, CAREFUL_RATE)
        correct(quick_biases, places[:, CAREFUL_KEYS:], said[QUICK], y, QUICK_RATE)
    settled = resolve(
        followed, followed_sizes, windows_ms, short_hash(name_hash), time_ms, own_calibration
    )
    return add_settled(table, settled)


@kernel
def add_settled(table: Table, settled: Integers) -> Any:
    """Return the table with outcomes (rows of bin, hits and weight) added."""
    keys, sums, block, used = table
    keys, sums = with_room(keys, sums, used, 2 * len(settled))
    numbers = CALIBRATION + settled[:, 0]
    used = add_few(keys, sums, used, numbers, settled[:, 2].copy())
    used = add_few(keys, sums, used, numbers + CALIBRATION_BINS, settled[:, 1].copy())
    return keys, sums, block, used

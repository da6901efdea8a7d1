"""The best size for each block of time, known in hindsight: an optimum to measure regret by."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from streams.backtest.reserve_baselines import Hindsight, Played

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GROWTH = 1.2
_HALVINGS = 30


def best_blocks(trace: Hindsight, hit_rate: float, block_s: float) -> Played:
    """Play the sizes, one a block, that reach `hit_rate` over all at the least size.

    Each block takes the size with the most hits - price x size, where the hits of a size are those
    of holding it for ever; one price for all blocks is halved down to the asked rate.
    """
    sizes = _sizes(trace, hit_rate)
    blocks = ((trace.times - trace.decisions[0]) // block_s).astype(np.int64).clip(0)
    here = ((trace.decisions - trace.decisions[0]) // block_s).astype(np.int64)
    hits = np.zeros((len(sizes), int(here[-1]) + 1))
    for row, size in enumerate(sizes):
        trace.constant(size)
        hits[row] = np.bincount(blocks, trace.served, hits.shape[1])[: hits.shape[1]]
    low, high = -20.0, 10.0  # log of the price, hits per instance and block
    best = trace.play(_path(hits, sizes, np.exp(low))[here])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        played = trace.play(_path(hits, sizes, np.exp(middle))[here])
        if played.hit_rate >= hit_rate:
            low, best = middle, played
        else:
            high = middle
    return best


def _sizes(trace: Hindsight, hit_rate: float) -> list[int]:
    """Sizes worth trying: each up to 8, then 20 % apart, until misses are a fifth of the asked."""
    sizes = [0, 1]
    while trace.constant(sizes[-1]).hit_rate < 1.0 - 0.2 * (1.0 - hit_rate):
        sizes.append(max(sizes[-1] + 1, round(sizes[-1] * _GROWTH)))
    return sizes


def _path(hits: Floats, sizes: list[int], price: float) -> Ints:
    """The best size of each block at a price, of shape (blocks,)."""
    gains = hits - price * np.array(sizes, np.float64)[:, None]
    path: Ints = np.array(sizes, np.int64)[gains.argmax(axis=0)]
    return path


def price_of_hits(front: list[dict[str, float]]) -> list[dict[str, float]]:
    """What each further 0.1 % of hits costs between the points of a front, in mean instances.

    Examples
    --------
    >>> price_of_hits([{"hit_rate": 0.95, "paid_mean": 2.0}, {"hit_rate": 0.96, "paid_mean": 3.0}])
    [{'from': 0.95, 'to': 0.96, 'paid_per_0.1%': 0.1}]
    """
    rows = []
    for low, high in pairwise(sorted(front, key=lambda point: point["hit_rate"])):
        gained = high["hit_rate"] - low["hit_rate"]
        if gained > 0:
            paid = (high["paid_mean"] - low["paid_mean"]) / gained * 0.001
            row = {"from": low["hit_rate"], "to": high["hit_rate"], "paid_per_0.1%": round(paid, 6)}
            rows.append(row)
    return rows

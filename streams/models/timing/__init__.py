"""How long after one program the next is launched, per transition."""

from streams.models.timing.gap_bins import BINS, gap_bin, gap_quantile
from streams.models.timing.gap_counts import GapCounts
from streams.models.timing.transitions import Gaps, last_launch, transitions

__all__ = ["BINS", "GapCounts", "Gaps", "gap_bin", "gap_quantile", "last_launch", "transitions"]

"""What is said of a user's next programs."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.models.programs.vocabulary import program_hash

MODEL = "programs-1"
# Windows of the probabilities p_1m, p_5m, p_15m and p_60m.
WINDOWS_S = (60.0, 300.0, 900.0, 3600.0)
# Emitted candidates: eight hold 90 to 98 % of the mass on the recordings (docs: next-program).
EMITTED = 8


class Candidate(NamedTuple):
    """A program that may come next.

    Parameters
    ----------
    program
        Its name.
    p_next
        Probability that it is the user's next launch.
    p_1m, p_5m, p_15m, p_60m
        Probabilities that it is launched within that time, not necessarily next.
    expected_s
        Median time to its launch where that comes to be within an hour, in seconds; else None.
    """

    program: str
    p_next: float
    p_1m: float
    p_5m: float
    p_15m: float
    p_60m: float
    expected_s: float | None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The candidates after one launch, most likely first; ties are in the order of names.

    Parameters
    ----------
    made_at_s
        Time of the launch after which it was made, in unix seconds.
    candidates
        At most `EMITTED` of them.
    p_other
        Probability of every program that is not listed.
    names, p
        All that was mixed, before the list was cut: hashes of programs and their probabilities,
        each of shape (mixed,).
    """

    made_at_s: float
    candidates: tuple[Candidate, ...]
    p_other: float
    names: npt.NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(0, np.int64), compare=False, repr=False
    )
    p: npt.NDArray[np.float64] = field(
        default_factory=lambda: np.zeros(0), compare=False, repr=False
    )

    def probability(self, program: str, known: int) -> float:
        """Return the probability of any program, one of `known` there are.

        What is left beside all that was mixed is shared by the rest and one never seen.

        Examples
        --------
        >>> Prediction(0.0, (), 1.0).probability("vim", known=3)
        0.25
        """
        places = np.flatnonzero(self.names == program_hash(program))
        if len(places):
            return float(self.p[places[0]])
        return max(0.0, 1.0 - float(self.p.sum())) / max(1, known - len(self.p) + 1)

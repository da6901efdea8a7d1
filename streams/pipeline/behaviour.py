"""Judges a launch against its user: how surprising it is, and whether habits have changed for good.

A surprise is ranked among the user's own earlier ones. Drift is a change of their mean: someone
whose every launch is a bit less like the profile is not surprising once, but somebody else now.
"""

import msgspec

from streams.models.anomaly import DriftDetector, Observation, Surprise
from streams.models.anomaly.incident import LASTS_FROM
from streams.models.anomaly.observation import strength_of
from streams.models.anomaly.running_tail import judge
from streams.models.anomaly.surprise import bits_of
from streams.pipeline.judged import judged
from streams.pipeline.outputs import Output

# Nothing is said of a user before so many launches: at first everything is new.
LEAST_LAUNCHES = 50
# A launch of less than 2**-12 has a probability that no profile could tell from another.
MOST_BITS = 12.0
# ADWIN's chance of a false alarm a test is 0.002; it tests every 32nd launch. A change is told
# where the mean moved by half a bit: less is true and of no use to anybody.
LEAST_SHIFT_BITS = 0.5
SHIFT_P_VALUE = 0.002


class Behaviour(msgspec.Struct, array_like=True, frozen=True):
    """Saved detectors of one user: 66 bytes and 1.4 KB at most."""

    surprise: bytes = b""
    drift: bytes = b""


class BehaviourWatch:
    """The detectors of one user.

    Parameters
    ----------
    saved
        Their state; nothing at first.

    Examples
    --------
    >>> watch = BehaviourWatch()
    >>> for k in range(200):
    ...     usual = watch.launched("profile-0-1-0", "ada", "mail", 1.0 * k, 0.5, k)
    >>> usual
    []
    >>> [o.record.kind for o in watch.launched("profile-0-2-0", "ada", "matlab", 200.0, 0.0, 200)]
    ['surprise']
    """

    def __init__(self, saved: Behaviour | None = None) -> None:
        saved = saved or Behaviour()
        self._surprise = Surprise.from_bytes(saved.surprise) if saved.surprise else Surprise()
        self._drift = DriftDetector.from_bytes(saved.drift) if saved.drift else DriftDetector()

    def launched(
        self, name: str, user: str, program: str, time_s: float, probability: float, launches: int
    ) -> list[Output]:
        """Judge a launch, then learn it.

        Parameters
        ----------
        name
            Id of the launch's output.
        user, program, time_s
            Who launched what, when.
        probability
            What the profile gave the launch just before.
        launches
            How many the user made before.
        """
        seen = self._surprised(program, time_s, probability)
        self._surprise.learn(probability)
        drifted = self._drifted(user, time_s, probability)
        if launches < LEAST_LAUNCHES:
            return []
        found = [point for point in (seen, drifted) if point is not None]
        return [output for point in found for output in judged(name, f"user/{user}", point)]

    def save(self) -> Behaviour:
        """Return the state."""
        return Behaviour(self._surprise.to_bytes(), self._drift.to_bytes())

    def _surprised(self, program: str, time_s: float, probability: float) -> Observation | None:
        judgement = self._surprise.judge(probability)
        if strength_of(judgement.score) < LASTS_FROM:
            return None  # of 14 launches 13: what is usual of this user is not worked out for them
        return Observation(
            kind="surprise", time_s=time_s, score=judgement.score,
            observed=min(bits_of(probability), MOST_BITS), expected_low=0.0,
            expected_high=self._surprise.usual_bits, p_value=judgement.p_value,
            what=f"launched {program}, which the profile gave {probability:.2g}",
        )  # fmt: skip

    def _drifted(self, user: str, time_s: float, probability: float) -> Observation | None:
        shift = self._drift.update(min(bits_of(probability), MOST_BITS))
        if shift is None or abs(shift.after - shift.before) < LEAST_SHIFT_BITS:
            return None
        judgement = judge(SHIFT_P_VALUE)
        return Observation(
            kind="drift", time_s=time_s, score=judgement.score, observed=shift.after,
            expected_low=shift.before - LEAST_SHIFT_BITS,
            expected_high=shift.before + LEAST_SHIFT_BITS, p_value=judgement.p_value,
            what=f"{user} is {shift.after:.1f} bits surprising a launch, was {shift.before:.1f}",
        )  # fmt: skip

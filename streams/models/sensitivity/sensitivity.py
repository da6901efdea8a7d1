"""Latency sensitivity of one user, overall and per program."""

from typing import Annotated

import msgspec

from streams.models.cycles.section import decode_section, encode_section
from streams.models.sensitivity.evidence import Estimate, Evidence, Gamma
from streams.models.sensitivity.normal import Normal
from streams.models.sensitivity.wait_counts import WaitCounts

_VERSION = 1
_CONTROL_S = 2.0  # a launch served faster than this is one without a wait
_SAME_LAUNCH_S = 1.0
_RELAUNCH_S = 120.0  # the same program launched again so soon is a reaction
_CUT_S = 600.0  # a session that ends so soon after its last wait was cut
_MAX_WAIT_S = 86_400.0
_MAX_PROGRAMS = 12
_PROGRAM_EVENTS = 2.0  # reactions that the user's own mean counts for, as prior of a program
_BACKGROUND_TRIALS = 10.0  # launches that the normal user's habits count for

_Program = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
_Evidence = Annotated[int, msgspec.Meta(gt=-(2**17), lt=2**17)]
_Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]


class _Wait(msgspec.Struct, array_like=True):
    """The last wait, whose aftermath is not known yet."""

    time_s: float
    program: _Program
    minutes: float
    control: bool
    relaunched: bool


class _State(msgspec.Struct, array_like=True):
    seen: _Evidence
    expected: _Evidence
    programs: list[tuple[_Program, _Evidence, _Evidence]]
    controls: tuple[_Byte, _Byte, _Byte]
    wait: _Wait | None


_DECODER = msgspec.msgpack.Decoder(_State)


class Sensitivity:
    """Bayesian estimate of what a waited minute costs, relative to the operator's normal user.

    Waiting is taken to provoke three reactions: giving up (the wait is abandoned), launching the
    same program again, and ending the session. A normal user shows each at a known rate per waited
    minute (`Normal`); a user of sensitivity s at s times that rate. Giving up while waiting is then
    a Poisson process in the waited time, with a Gamma posterior for s; the other two also happen
    without any wait, so they are weighed against the user's own launches that were served at once
    (`Gamma.reaction`). A program's prior is the user's mean.

    Examples
    --------
    >>> normal, hurried = Normal(), Sensitivity()
    >>> for k in range(20):
    ...     hurried.observe_wait(k * 9000.0, 7, 60.0, abandoned=k % 2 == 0, normal=normal)
    >>> hurried.estimate(None, normal).value > 2.0
    True

    References
    ----------
    Gelman et al., Bayesian Data Analysis (2013), 2.6 (Gamma-Poisson with exposure). Brown et al.,
    Statistical analysis of a telephone call center, JASA 100 (2005): patience as a hazard.
    """

    __slots__ = ("_controls", "_evidence", "_programs", "_wait")

    def __init__(self) -> None:
        self._evidence = Evidence()
        self._programs: dict[int, Evidence] = {}
        self._controls = [0, 0, 0]  # launches without a wait; relaunches and cuts after those
        self._wait: _Wait | None = None

    def observe_wait(
        self,
        time_s: float,
        program: int,
        wait_s: float,
        *,
        abandoned: bool,
        normal: Normal,
        counts: WaitCounts | None = None,
    ) -> None:
        """Take in how long the user waited for a launch, until served or given up at `time_s`.

        Launches that were served at once belong here too: they show the user's habits without any
        wait.
        """
        if not 0.0 <= wait_s <= _MAX_WAIT_S:
            return
        self._settle(False, normal, counts)
        minutes = wait_s / 60.0
        control = wait_s < _CONTROL_S and not abandoned
        if not control:
            for evidence in (self._evidence, self._program(program)):
                evidence.add(float(abandoned), minutes * normal.abandons_per_min)
        if counts is not None:
            _count_wait(counts, wait_s, control, abandoned)
        self._wait = None if abandoned else _Wait(time_s, program, minutes, control, False)

    def observe_launch(self, time_s: float, program: int) -> None:
        """Take in any launch: one of the program last waited for may be a relaunch.

        A launch logged at the end of its own wait is not one.
        """
        wait = self._wait
        if wait is None or wait.program != program:
            return
        if _SAME_LAUNCH_S < time_s - wait.time_s <= _RELAUNCH_S:
            wait.relaunched = True

    def observe_session_end(
        self, end_s: float, normal: Normal, counts: WaitCounts | None = None
    ) -> None:
        """Take in that a session ended with the event at `end_s`."""
        if self._wait is not None:
            self._settle(end_s - self._wait.time_s <= _CUT_S, normal, counts)

    def _settle(self, cut: bool, normal: Normal, counts: WaitCounts | None) -> None:
        """Learn what followed the last wait."""
        wait, self._wait = self._wait, None
        if wait is None:
            return
        if counts is not None:
            _count_aftermath(counts, wait.control, wait.relaunched, cut)
        if wait.control:
            self._count_control(wait.relaunched, cut)
            return
        shares = self._background(normal)
        rates = (normal.relaunches_per_min, normal.cuts_per_min)
        for happened, share, rate in zip((wait.relaunched, cut), shares, rates, strict=True):
            expected = wait.minutes * rate
            whole = self._user(normal)
            program = self._program(wait.program).posterior(whole.mean, _PROGRAM_EVENTS)
            self._evidence.add(*whole.reaction(happened, share, expected))
            self._program(wait.program).add(*program.reaction(happened, share, expected))

    def _program(self, program: int) -> Evidence:
        evidence = self._programs.get(program)
        if evidence is None:
            if len(self._programs) >= _MAX_PROGRAMS:
                self.forget(min(self._programs, key=lambda p: self._programs[p].expected))
            evidence = self._programs[program] = Evidence()
        return evidence

    def _count_control(self, relaunched: bool, cut: bool) -> None:
        trials, relaunches, cuts = self._controls
        if trials >= 255:
            trials, relaunches, cuts = trials // 2, relaunches // 2, cuts // 2
        self._controls = [trials + 1, relaunches + relaunched, cuts + cut]

    def _background(self, normal: Normal) -> tuple[float, float]:
        """How often this user relaunches, and ends a session, without any wait."""
        trials, relaunches, cuts = self._controls
        total = trials + _BACKGROUND_TRIALS
        return (
            (relaunches + _BACKGROUND_TRIALS * normal.relaunch_share) / total,
            (cuts + _BACKGROUND_TRIALS * normal.cut_share) / total,
        )

    def _user(self, normal: Normal) -> Gamma:
        return self._evidence.posterior(1.0, normal.prior_events)

    def estimate(self, program: int | None, normal: Normal) -> Estimate:
        """Cost of a waited minute of a program, or of any (None): 1 for the normal user."""
        evidence = None if program is None else self._programs.get(program)
        whole = self._user(normal)
        if evidence is None:
            return whole.estimate()
        return evidence.posterior(whole.mean, _PROGRAM_EVENTS).estimate()

    def value(self, normal: Normal) -> float:
        """Cost of a waited minute of any program, without what `estimate` says of its error."""
        return self._user(normal).mean

    def forget(self, program: int) -> None:
        """Drop a program's own estimate."""
        self._programs.pop(program, None)

    def to_bytes(self) -> bytes:
        rows = [(program, e.seen, e.expected) for program, e in self._programs.items()]
        trials, relaunches, cuts = self._controls
        whole = self._evidence
        return encode_section(
            _VERSION,
            _State(whole.seen, whole.expected, rows, (trials, relaunches, cuts), self._wait),
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Sensitivity":
        state = decode_section("sensitivity", _VERSION, _DECODER, data)
        sensitivity = cls()
        sensitivity._evidence = Evidence(state.seen, state.expected)
        sensitivity._programs = {p: Evidence(seen, exp) for p, seen, exp in state.programs}
        if not len(sensitivity._programs) == len(state.programs) <= _MAX_PROGRAMS:
            raise ValueError(f"sensitivity: {len(state.programs)} programs, or one of them twice")
        sensitivity._controls = list(state.controls)
        sensitivity._wait = state.wait
        return sensitivity

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sensitivity) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # the state changes


def _count_wait(counts: WaitCounts, wait_s: float, control: bool, abandoned: bool) -> None:
    if control:
        counts.controls += 1
        return
    counts.waits += 1
    counts.waited_ms += round(wait_s * 1000.0)
    if abandoned:
        counts.abandons += 1
    else:
        counts.served += 1
        counts.served_ms += round(wait_s * 1000.0)


def _count_aftermath(counts: WaitCounts, control: bool, relaunched: bool, cut: bool) -> None:
    if control:
        counts.control_relaunches += relaunched
        counts.control_cuts += cut
    else:
        counts.relaunches += relaunched
        counts.cuts += cut

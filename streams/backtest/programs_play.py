"""Plays launches through the same code as the stream: predict, score, then learn."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from streams.backtest.programs_rows import Launch
from streams.backtest.programs_rules import RuleCheck
from streams.models.programs import (
    Candidate,
    NeuralExpert,
    Population,
    PopulationClock,
    Prediction,
    UserPrograms,
    observe,
)  # fmt: skip

RANKS = 5
# Launches between two reports of progress.
REPORT_EVERY = 500


@dataclass(slots=True)
class Player:
    """One user while the recording is played.

    A prediction counts for a launch only if it was made strictly before it, so the newest one of
    an earlier time is kept beside the newest.
    """

    timed: bool
    state: UserPrograms = field(default_factory=UserPrograms)
    expert: NeuralExpert | None = None
    earlier: Prediction | None = None
    newest: Prediction | None = None
    played: int = 0

    def prediction(self, time_s: float) -> Prediction | None:
        """Return the prediction that counts for a launch at this time."""
        if self.newest is not None and (not self.timed or self.newest.made_at_s < time_s):
            self.earlier = self.newest
        return self.earlier


@dataclass(slots=True)
class Played:
    """What was predicted.

    Parameters
    ----------
    ranked
        For each scored launch, its place in the order played and the ranked programs.
    losses
        Log loss of each, in nats.
    after
        For each launch, what was said after it.
    rules
        Rules of users' first halves: found, checked (5 occurrences in the second) and held.
    """

    ranked: list[tuple[int, tuple[Candidate, ...]]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    after: list[tuple[Candidate, ...]] = field(default_factory=list)
    rules: dict[str, Any] = field(default_factory=dict)


def play(
    launches: list[Launch], *, timed: bool, switches: bool, clock: PopulationClock | None = None,
    report: Callable[[int], None] | None = None, neural: bool = False,
) -> Played:  # fmt: skip
    """Play launches in their order, each user with a neural net if asked for; see `Played`."""
    clock = clock or PopulationClock()
    players = {launch.user: Player(timed) for launch in launches}
    for player in players.values() if neural else ():
        player.expert = NeuralExpert()
    known: set[str] = set()
    played, check = Played(), RuleCheck(launches)
    for place, launch in enumerate(launches):
        player = players[launch.user]
        if player.played:
            _score(played, place, launch, player.prediction(launch.time_s), known)
        known.add(launch.program)
        population = clock.population(launch.time_s)
        _learn(played, player, launch, population, clock, switches=switches)
        check.passed(launch, player.state)
        if report and place % REPORT_EVERY == 0:
            report(place)
    played.rules = check.result()
    return played


def _score(
    played: Played, place: int, launch: Launch, prediction: Prediction | None, known: set[str]
) -> None:
    candidates = prediction.candidates if prediction else ()
    played.ranked.append((place, candidates[:RANKS]))
    p = 1.0 / (len(known) + 1)
    if prediction is not None:
        p = prediction.probability(launch.program, len(known))
    played.losses.append(-math.log(max(p, 1e-12)))


def _learn(
    played: Played, player: Player, launch: Launch, population: Population,
    clock: PopulationClock, *, switches: bool,
) -> None:  # fmt: skip
    player.newest = observe(
        player.state, population, clock.delta(launch.time_s), launch.program, launch.time_s,
        switches=switches, expert=player.expert,
    )  # fmt: skip
    player.played += 1
    played.after.append(player.newest.candidates)

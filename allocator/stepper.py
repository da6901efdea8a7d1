"""Runs the declared steps of shadow runs on instances, one after the other, beside cloud calls."""

import time
from collections.abc import Mapping

from allocator.machine.observed import Answer, Call, Result, Verb
from allocator.runner.protocol import Command, Outcome, Place, Runner
from schemas.shadow import ShadowPlan


def commands_of(plan: ShadowPlan) -> dict[str, Command]:
    """Return all commands that a plan declares, by their ids.

    Examples
    --------
    >>> from schemas.shadow import Step
    >>> warm = Step(id="warm", programs=("mail",), argv=("cat", "/opt/mail"), saves_s=3.0)
    >>> sorted(commands_of(ShadowPlan(step=(warm,))))
    ['step/warm']
    """
    found: dict[str, Command] = {}
    for step in plan.step:
        limits = {"timeout_s": step.timeout_s, "max_output_bytes": step.max_output_bytes}
        found[f"step/{step.id}"] = Command(f"step/{step.id}", step.argv, **limits)  # type: ignore[arg-type]
        if step.undo:
            found[f"undo/{step.id}"] = Command(f"undo/{step.id}", step.undo, **limits)  # type: ignore[arg-type]
    return found


class Stepper:
    """Makes PREPARE and UNDO calls with a runner.

    Parameters
    ----------
    runner
        Gets commands onto instances.
    commands
        The declared ones; an id that is not among them ends its call.
    """

    def __init__(self, runner: Runner, commands: Mapping[str, Command]) -> None:
        self._runner = runner
        self._commands = commands

    def make(self, call: Call) -> Result:
        """Run a call's steps until one fails or it is too late to begin another."""
        kind = "undo" if call.verb is Verb.UNDO else "step"
        ends_s = None if call.until_ms is None else time.monotonic() + self._left_s(call)
        done: list[tuple[str, int]] = []
        for step_id in call.steps:
            if ends_s is not None and time.monotonic() > ends_s:
                return Result(call, Answer.REFUSED, error="too late to begin", done=tuple(done))
            command = self._commands.get(f"{kind}/{step_id}")
            if command is None:
                error = f"step {step_id} is not declared"
                return Result(call, Answer.REFUSED, error=error, done=tuple(done))
            end = self._runner.execute(command, Place(call.instance_id or ""))
            if end.outcome is not Outcome.STARTED:
                return Result(call, Answer.REFUSED, error=end.detail, done=tuple(done))
            done.append((step_id, round(end.took_s * 1000)))
        return Result(call, Answer.DONE, done=tuple(done))

    def close(self) -> None:
        """Let go of the runner."""
        self._runner.close()

    def _left_s(self, call: Call) -> float:
        """How long steps may be begun, counted from when the call is taken up."""
        return max((call.until_ms or 0) - call.at_ms, 0) / 1000

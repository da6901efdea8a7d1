"""Makes the starts that were committed: the declared command of a program, on its instance."""

from collections.abc import Mapping

from allocator.machine.starts import StartCall, StartEnd
from allocator.runner.declared import command_of
from allocator.runner.protocol import Command, Outcome, Place, Runner
from schemas.crash_points import AllocatorPoint, reached


class Starter:
    """Starts declared programs by a runner.

    Parameters
    ----------
    runner
        How.
    commands
        What is declared.

    Examples
    --------
    >>> from allocator.runner.simulated import SimulatedRunner
    >>> starter = Starter(SimulatedRunner(), {"mail": Command("program/mail", ("mail",))})
    >>> starter.make(StartCall("office", "r", "i-1", "game", 0)).detail
    'game is not a declared program'
    """

    def __init__(self, runner: Runner, commands: Mapping[str, Command]) -> None:
        self.runner = runner
        self._commands = commands

    def make(self, call: StartCall) -> StartEnd:
        """Start a program and wait until it is known what became of it."""
        command = command_of(call.program, self._commands)
        if command is None:
            return StartEnd(call, False, 0, f"{call.program} is not a declared program")
        try:
            end = self.runner.execute(command, Place(call.instance_id))
        except Exception as error:  # noqa: BLE001 - a runner's bug fails one start, not the pools
            return StartEnd(call, False, 0, f"the runner failed: {type(error).__name__}")
        is_started = end.outcome is Outcome.STARTED
        if is_started:
            reached(AllocatorPoint.PROGRAM_STARTED)
        return StartEnd(call, is_started, round(end.took_s * 1000), end.detail or end.outcome)

    def end(self, instance_id: str) -> None:
        """End what runs on an instance that nobody holds any more."""
        self.runner.end(Place(instance_id))

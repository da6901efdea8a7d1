"""`warmfront allocator`: keeps the warm reserve and answers requests."""

from typing import Annotated

import typer

from allocator.options import AllocatorOptions, ClockMode
from allocator.worker import run
from schemas.settings import Settings


def command(
    *,
    clock: Annotated[
        ClockMode, typer.Option(help="auto: event time until it has caught up with the wall clock.")
    ] = "auto",
    observe_only: Annotated[
        bool, typer.Option("--observe-only", help="Tell the reserve, but launch on request only.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the simulated cloud.")] = 0,
) -> None:
    """Run the allocator. Start more for more pools: each pool has one writer at a time."""
    run(Settings(), AllocatorOptions(clock=clock, observe_only=observe_only, seed=seed))

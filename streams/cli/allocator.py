"""`warmfront allocator`: keeps the warm reserve and answers requests."""

from typing import Annotated

import typer

from allocator.cloud.openstack import CloudConfigError
from allocator.options import AllocatorOptions, ClockMode, CloudKind, RunnerKind
from allocator.reconcile.plan import Timings
from allocator.worker import run
from schemas.settings import Settings

# Of a real cloud, where each listing is an API call that others wait behind.
OPENSTACK_POLL_S = 5.0
# The simulated cloud answers in microseconds.
SIMULATED_POLL_S = 1.0


def command(
    *,
    clock: Annotated[
        ClockMode | None,
        typer.Option(
            help="auto: event time until it has caught up with the wall clock; wall: live only."
            " By default auto, with a real cloud wall."
        ),
    ] = None,
    observe_only: Annotated[
        bool, typer.Option("--observe-only", help="Tell the reserve, but launch on request only.")
    ] = False,
    runner: Annotated[
        RunnerKind | None,
        typer.Option(
            help="What starts programs on assigned instances; by default simulated, with a real"
            " cloud none. ssh: on the instance, logged in as the shadow file's [ssh] says."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulated cloud.")] = 0,
    cloud: Annotated[CloudKind, typer.Option(help="Where instances are made.")] = "simulated",
    os_cloud: Annotated[
        str | None, typer.Option(help="Entry of clouds.yaml; by default the one OS_CLOUD names.")
    ] = None,
    poll_s: Annotated[
        float | None,
        typer.Option(
            min=0.1, help="Between two listings of a pool; by default 1, with OpenStack 5."
        ),
    ] = None,
    give_up_s: Annotated[
        float,
        typer.Option(
            min=100.0,
            help="How long a launch of unknown outcome counts, as after a kill. An OpenStack call"
            " may take 30 seconds and show in listings 60 later: no less than 100.",
        ),
    ] = 300.0,
) -> None:
    """Run the allocator. Start more for more pools: each pool has one writer at a time."""
    is_real = cloud == "openstack"
    options = AllocatorOptions(
        clock=clock or ("wall" if is_real else "auto"), observe_only=observe_only, seed=seed,
        cloud=cloud, os_cloud=os_cloud, runner=runner or ("none" if is_real else "simulated"),
        poll_s=poll_s or (OPENSTACK_POLL_S if is_real else SIMULATED_POLL_S),
        timings=Timings(give_up_ms=round(give_up_s * 1000)),
    )  # fmt: skip
    try:
        run(Settings(), options)
    except (CloudConfigError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error

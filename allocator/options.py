"""How one allocator process is run."""

from dataclasses import dataclass, field
from typing import Literal

from allocator.cloud.simulated import Simulation
from allocator.machine.leases import LeaseTerms
from allocator.reconcile.plan import Timings

ClockMode = Literal["wall", "event", "auto"]
CloudKind = Literal["simulated", "openstack"]
RunnerKind = Literal["simulated", "local", "ssh", "none"]


@dataclass(frozen=True, slots=True)
class AllocatorOptions:
    """Options of `warmfront allocator`.

    Parameters
    ----------
    clock
        `wall`: live. `event`: the time of requests and forecasts, for replays of old data.
        `auto`: event time until it has caught up with the wall, then the wall: a recording that
        is shifted to end now is replayed and followed live by one process.
    cloud
        Where instances are made. A real cloud is used by the wall clock only: a replay of old
        requests must not launch anything.
    os_cloud, call_timeout_s
        Entry of clouds.yaml (None takes the one that OS_CLOUD names), and how long one HTTP request
        of OpenStack may take.
    observe_only
        Tell what the reserve would be; launch on request only.
    runner
        What starts programs on assigned instances: `simulated`, `local` (processes of this
        machine), `ssh` (on the instance, logged in as the shadow file says), or `none`.
    poll_s
        Seconds between two listings of a pool in live operation.
    batch
        Most messages in a transaction: all wait for the last. 200 took up to 66 ms, 64 take 25.
    simulation, seed
        The simulated cloud.
    terms, timings
        See there.
    """

    clock: ClockMode = "wall"
    cloud: CloudKind = "simulated"
    os_cloud: str | None = None
    call_timeout_s: float = 30.0
    observe_only: bool = False
    runner: RunnerKind = "simulated"
    poll_s: float = 1.0
    batch: int = 64
    simulation: Simulation = field(default_factory=Simulation)
    seed: int = 0
    terms: LeaseTerms = field(default_factory=LeaseTerms)
    timings: Timings = field(default_factory=Timings)

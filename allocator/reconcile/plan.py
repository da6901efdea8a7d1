"""How a pool is kept: what it is, what its leases may last, how long things may take."""

from dataclasses import dataclass, field

from allocator.machine.leases import LeaseTerms
from schemas.pools import Pool


@dataclass(frozen=True, slots=True)
class Timings:
    """How long the reconcilers wait for the cloud, in milliseconds.

    Parameters
    ----------
    settle_ms
        A listing may be this old: what is younger may be missing from it.
    give_up_ms
        An unresolved intent that no listing shows is dropped after this. Longer than a call's
        timeout and `settle_ms` together, else an instance could still come.
    build_ms
        An instance that is not ready after this is replaced.
    retry_ms
        Between two calls about the same instance.
    backoff_ms, max_backoff_ms
        First and longest pause of launches after a refusal.
    silent_ms
        A waiting instance whose host does not answer for this long is replaced.
    min_life_ms
        A ready instance is not ended before this.
    """

    settle_ms: int = 60_000
    give_up_ms: int = 300_000
    build_ms: int = 900_000
    retry_ms: int = 10_000
    backoff_ms: int = 2_000
    max_backoff_ms: int = 120_000
    silent_ms: int = 30_000
    min_life_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """One pool's plan.

    Parameters
    ----------
    pool
        From the pools file.
    terms, timings
        See there.
    lead_s
        Launch time to plan for until some were measured.
    observe_only
        Tell what the reserve would be, launch on request only.
    starts_programs
        Whether a runner starts the programs of assigned requests.
    """

    pool: Pool
    terms: LeaseTerms = field(default_factory=LeaseTerms)
    timings: Timings = field(default_factory=Timings)
    lead_s: float = 90.0
    observe_only: bool = False
    starts_programs: bool = False

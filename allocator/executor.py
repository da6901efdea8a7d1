"""Makes the calls that were committed, beside the request path or in line with a replay."""

import queue
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from allocator.clock import CallClock
from allocator.cloud.protocol import Cloud, CloudError, InstanceSpec
from allocator.machine.observed import Answer, Call, Observed, Result, Use, Verb
from allocator.machine.starts import StartCall, StartEnd
from allocator.starter import Starter
from allocator.stepper import Stepper
from infra.observe import tracing
from infra.observe.allocator import CALL_TIME
from schemas.crash_points import AllocatorPoint, reached
from schemas.pools import Pool

LOG = structlog.get_logger(__name__)
THREADS = 8
STEP_THREADS = 4
STEPS = frozenset({Verb.PREPARE, Verb.UNDO})
# Programs take seconds to start: the cloud's calls must not wait for them.
START_THREADS = 8
QUOTA_EVERY_S = 30.0
# Nothing of the last holder may run on.
_ENDING = (Verb.REBUILD, Verb.DELETE)
_STATES: Mapping[Verb, Callable[[Cloud, str], None]] = {
    Verb.DELETE: lambda cloud, name: cloud.delete(name),
    Verb.PAUSE: lambda cloud, name: cloud.pause(name),
    Verb.UNPAUSE: lambda cloud, name: cloud.unpause(name),
    Verb.SUSPEND: lambda cloud, name: cloud.suspend(name),
    Verb.RESUME: lambda cloud, name: cloud.resume(name),
    Verb.SHELVE: lambda cloud, name: cloud.shelve(name),
    Verb.UNSHELVE: lambda cloud, name: cloud.unshelve(name),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing and when it was asked for.

    Parameters
    ----------
    pool
        Of what.
    asked_ms
        When.
    found
        What; None where the cloud did not answer.
    quota_left
        How many more instances the cloud allows, where it was asked and told.
    """

    pool: str
    asked_ms: int
    found: list[Observed] | None
    quota_left: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What an instance has used, and when that was asked; None where the cloud does not tell."""

    pool: str
    instance_id: str
    asked_ms: int
    use: Use | None


End = Result | Listing | Reading | StartEnd


class Executor:
    """Makes calls; their ends are fetched with `ended`.

    Parameters
    ----------
    cloud
        Where.
    pools
        What instances are made of, by name.
    clock
        Told when each call was decided.
    starter
        Starts programs.
    stepper
        Runs the steps of shadow runs, in threads of their own: they take long.
    """

    def __init__(
        self, cloud: Cloud, pools: Mapping[str, Pool], clock: CallClock, starter: Starter,
        stepper: Stepper | None = None,
    ) -> None:  # fmt: skip
        self._cloud = cloud
        self._pools = pools
        self._clock = clock
        self._starter = starter
        self._ends: queue.SimpleQueue[End] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(THREADS, "cloud")
        self._stepper = stepper
        self._step_threads = ThreadPoolExecutor(STEP_THREADS, "steps")
        self._start_threads = ThreadPoolExecutor(START_THREADS, "start")
        self._is_listing: set[str] = set()
        self._quota_s = -QUOTA_EVERY_S

    def submit(self, call: Call) -> None:
        """Make a call in the background."""
        threads = self._step_threads if call.verb in STEPS else self._threads
        threads.submit(tracing.carried(lambda: self._ends.put(self._make(call))))

    def submit_listing(self, pool: str, asked_ms: int) -> None:
        """List a pool in the background, unless that is under way."""
        if pool not in self._is_listing:
            self._is_listing.add(pool)
            self._threads.submit(lambda: self._ends.put(self.list_now(pool, asked_ms)))

    def submit_reading(self, pool: str, instance_id: str, asked_ms: int) -> None:
        """Ask in the background what an instance has used."""
        self._threads.submit(lambda: self._ends.put(self._read(pool, instance_id, asked_ms)))

    def submit_start(self, call: StartCall) -> None:
        """Start a program in the background."""
        self._start_threads.submit(lambda: self._ends.put(self._starter.make(call)))

    def start_now(self, call: StartCall) -> StartEnd:
        """Start a program and wait for what becomes of it."""
        return self._starter.make(call)

    def ended(self, most: int) -> list[End]:
        """Return what has ended since the last call, at most so much; the rest comes next."""
        ends: list[End] = []
        while len(ends) < most:
            try:
                end = self._ends.get_nowait()
            except queue.Empty:
                break
            if isinstance(end, Listing):
                self._is_listing.discard(end.pool)
            ends.append(end)
        return ends

    def make_now(self, call: Call) -> Result:
        """Make a call and wait for its end, at the time it was decided."""
        self._clock.at_ms = call.at_ms
        try:
            return self._make(call)
        finally:
            self._clock.at_ms = None

    def list_now(self, pool: str, asked_ms: int) -> Listing:
        """List a pool and wait for it."""
        try:
            return Listing(pool, asked_ms, self._cloud.list_pool(pool), self._quota_left())
        except CloudError as error:
            LOG.warning("listing_failed", pool=pool, error=str(error))
            return Listing(pool, asked_ms, None)
        except Exception as error:  # noqa: BLE001 - a cloud's client raises what it likes
            LOG.warning("listing_failed", pool=pool, error=type(error).__name__)
            return Listing(pool, asked_ms, None)

    def close(self) -> None:
        """Let what is under way end, start nothing more."""
        for threads in (self._threads, self._start_threads, self._step_threads):
            threads.shutdown(wait=False, cancel_futures=True)
        self._starter.runner.close()
        if self._stepper is not None:
            self._stepper.close()

    def _quota_left(self) -> int | None:
        """Ask for the quota now and then: it changes slowly, and a cloud counts each question."""
        now_s = time.monotonic()
        if now_s - self._quota_s < QUOTA_EVERY_S:
            return None
        self._quota_s = now_s
        return self._cloud.quota_left()

    def _read(self, pool: str, instance_id: str, asked_ms: int) -> Reading:
        try:
            used = self._cloud.usage(instance_id)
        except Exception as error:  # noqa: BLE001 - a reading more or less changes nothing
            LOG.debug("no_reading", pool=pool, error=type(error).__name__)
            return Reading(pool, instance_id, asked_ms, None)
        return Reading(pool, instance_id, asked_ms, Use(used.cpu_s, used.memory_bytes))

    def _make(self, call: Call) -> Result:
        began_s = time.monotonic()
        is_new = call.verb is Verb.CREATE
        if is_new:
            reached(AllocatorPoint.CREATE_BEGINS)
        with tracing.under(tracing.cause(), f"cloud {call.verb}", pool=call.pool):
            result = self._answer(call)
        reached(AllocatorPoint.CREATED if is_new else AllocatorPoint.CHANGED)
        CALL_TIME.labels(str(call.verb), str(result.answer)).observe(time.monotonic() - began_s)
        return result

    def _answer(self, call: Call) -> Result:
        try:
            if call.verb in STEPS and self._stepper is not None:
                return self._stepper.make(call)
            return Result(call, Answer.DONE, self._send(call))
        except CloudError as error:
            return Result(
                call, error.answer, error=str(error), is_quota=error.is_quota,
                retry_after_s=error.retry_after_s,
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - whatever it is, what it did is unknown
            return Result(call, Answer.UNKNOWN, error=type(error).__name__)

    def _send(self, call: Call) -> str | None:
        pool, cloud, name = self._pools[call.pool], self._cloud, call.instance_id or ""
        if call.verb is Verb.CREATE:
            return cloud.create(spec_of(pool, call.intent_id))
        if call.verb in _ENDING:
            self._starter.end(name)
        if call.verb is Verb.REBUILD:
            if pool.assigned_qos_policy:
                cloud.set_bandwidth(name, pool.qos_policy)
            cloud.rebuild(name, pool.image)
        elif call.verb is Verb.WIDEN:
            cloud.set_bandwidth(name, pool.assigned_qos_policy)
        elif call.verb is Verb.NARROW:
            cloud.set_bandwidth(name, pool.qos_policy)
        else:
            _STATES[call.verb](cloud, name)
        return name


def spec_of(pool: Pool, intent_id: str) -> InstanceSpec:
    """Return what an instance of a pool is made of.

    Examples
    --------
    >>> spec_of(Pool("office", flavor="small"), "office-1").flavor
    'small'
    """
    return InstanceSpec(
        pool.name, intent_id, pool.flavor, pool.image, pool.zone, pool.network, pool.qos_policy,
        pool.volume_gb,
    )  # fmt: skip

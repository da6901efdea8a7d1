"""The fold of one partition of telemetry: batches and heartbeats in, state and records out.

A batch is applied in segments that span at most the allowed lateness, so that a segment never
closes a minute that it adds to itself. The runner applies messages in memory and sends their
outputs; before it commits offsets it makes durable, in this order: the outputs, the users, the
partition. A crash at any point repeats outputs with the same content, or skips what has been
applied, and nothing is lost (docs/explanation/effectively-once.md):

- An output that was lost comes again, since no state that knows of it was saved.
- What a user added to minutes stays with the user until the partition's closing of them is durable
  (`settled`), so a minute that is closed again is closed with the same sums.
- All that is below the partition's saved `next_offset` is in the users' saved states.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from schemas.records import Activity, ActivityBatch, LateActivity, Tick
from schemas.topics import PROFILES_USERS, TELEMETRY_LATE
from streams.models.anomaly.silence import SilenceWatch
from streams.pipeline.activity import Moment, Ways, apply_event
from streams.pipeline.closing import (
    PROFILE_HOURS,
    Users,
    changes,
    demand_of_pool,
    demand_output,
    expected_by_pool,
    partial_outputs,
    profile_outputs,
    remember_eves,
)
from streams.pipeline.erasure import Departures, departing
from streams.pipeline.eventtime import (
    HOUR_MINUTES,
    HOUR_MS,
    MINUTE_MS,
    first_open_minute,
    hour_of,
    is_future,
    latest_time,
    minute_of,
    stops,
)
from streams.pipeline.groups import DAY_HOURS, counted
from streams.pipeline.judged import erasure_mark
from streams.pipeline.learned import Learned
from streams.pipeline.outputs import Output, output_id
from streams.pipeline.partition_state import MAX_WAITING, PartitionState, WaitingTick
from streams.pipeline.samples import measure
from streams.pipeline.silences import silence_outputs
from streams.pipeline.user import User


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one segment or heartbeat: outputs to send, and the user that changed."""

    outputs: list[Output]
    user: tuple[str, User] | None = None
    counts: dict[str, int] = field(default_factory=dict)


class ProfilePartition:
    """One partition of telemetry.

    Parameters
    ----------
    number
        The partition.
    users
        Where its users are kept; the runner tells them what a step changed.
    ways
        How this deployment sees events.
    pools
        Names of all pools, told of every closed minute.
    lateness_ms
        How late an event may be.
    learned
        Gives what is learnt across users, as it applies at an event time (ms).
    state
        Saved state to go on from.
    """

    def __init__(
        self, number: int, users: Users, ways: Ways, pools: Sequence[str], lateness_ms: int,
        learned: Callable[[int], Learned], state: PartitionState | None = None,
    ) -> None:  # fmt: skip
        self.state = state or PartitionState(levels={}, waiting=[])
        self._number = number
        self._users = users
        self._ways = ways
        self._pools = tuple(pools)
        self._lateness_ms = lateness_ms
        self._learned = learned
        data = self.state.silence
        self._silence = SilenceWatch.from_bytes(data) if data else SilenceWatch()
        self._by_minute: dict[int, set[str]] = defaultdict(set)
        self._by_hour: dict[int, set[str]] = defaultdict(set)
        self._durable_minute = self.state.open_minute
        self._durable_offset = self._restored_offset = self.state.next_offset
        self._departures = Departures(users)

    def restored(self, open_by_user: Iterable[tuple[str, list[int], list[int], bool]]) -> None:
        """Take up again after a restart.

        Parameters
        ----------
        open_by_user
            Saved users with the minutes and hours they have added to, and whether they are being
            forgotten.
        """
        for name, minutes, hours, leaves in open_by_user:
            if leaves:
                self._departures.add(name)
            self._note_open(name, minutes, hours)

    def settled(self) -> None:
        """Learn that the state as it is now is durable: users may drop what it has closed."""
        self._durable_minute = self.state.open_minute
        self._durable_offset = self.state.next_offset

    def gone(self) -> Iterator[str]:
        """Give the users who are forgotten for good; the runner deletes their keys."""
        return self._departures.gone(self._durable_minute, self._durable_offset)

    def apply(self, batch: ActivityBatch, offset: int, appended_ms: int) -> Iterator[Step]:
        """Apply a batch of one user's events.

        Parameters
        ----------
        batch, offset
            The message and its offset.
        appended_ms
            The broker's time of the message, against which the future is told.
        """
        self.state.next_offset = max(self.state.next_offset, offset + 1)
        if batch.forget:
            yield self._forget(batch.user, offset)
            yield from self._ripe_ticks()
            return
        known = self._users.get(batch.user)
        user = known or User(self._number, offset)
        start = self._resume_at(user, offset)
        if known is None and offset < self._restored_offset:
            start = len(batch.events)  # applied before the restart, and forgotten since
        for first, last in _segments(batch.events, start, self._lateness_ms):
            yield self._segment(user, batch, offset, appended_ms, first, last)
        if start >= len(batch.events):
            yield self._again(batch, offset, appended_ms)
        yield from self._ripe_ticks()

    def tick(self, tick: Tick, offset: int, appended_ms: int) -> Iterator[Step]:
        """Apply a heartbeat, or keep it until the activity before it is applied."""
        if is_future(tick.time, appended_ms):
            yield Step([], counts={"future": 1})
            return
        yield from self._heard(tick.source, offset, appended_ms)
        if tick.activity_offset is None or tick.activity_offset <= self.state.next_offset:
            yield self._closing_step(tick.time, offset, [])
        else:
            self.state.waiting.append(WaitingTick(tick.time, tick.activity_offset))
            del self.state.waiting[:-MAX_WAITING]
            yield Step([])

    def silences(self, now_ms: int) -> list[Output]:
        """Tell which sources are missed, by the broker's time where no tick tells it.

        Parameters
        ----------
        now_ms
            The broker's time, or the wall's while the broker has nothing to say.
        """
        missed = self._silence.missed(now_ms) if self._number == 0 else []
        return silence_outputs("quiet", self._number, now_ms, now_ms, missed)

    def _heard(self, source: str, offset: int, appended_ms: int) -> Iterator[Step]:
        """Note that a source spoke, and tell which others did not."""
        if self._number != 0:
            return
        self._silence.heard(source, appended_ms)
        missed = self._silence.missed(appended_ms)
        if missed:
            self.state.silence = self._silence.to_bytes()
            outputs = silence_outputs("ticks", self._number, offset, appended_ms, missed)
            yield Step(outputs)

    def _ripe_ticks(self) -> Iterator[Step]:
        ripe = [w for w in self.state.waiting if w.activity_offset <= self.state.next_offset]
        if ripe:
            self.state.waiting = [w for w in self.state.waiting if w not in ripe]
            yield self._closing_step(max(w.time_ms for w in ripe), self.state.next_offset, [])

    def _resume_at(self, user: User, offset: int) -> int:
        """Return the first event of the message that this user has not applied yet."""
        if offset > user.offset:
            return 0
        return user.events if offset == user.offset else 2**31

    def _segment(
        self, user: User, batch: ActivityBatch, offset: int, appended_ms: int, first: int, last: int
    ) -> Step:
        user.drop_closed(self._durable_minute, self._durable_minute // 60)
        user.departing = False  # who comes back is somebody new
        if batch.zone and batch.zone != user.zone and self._ways.zones(batch.zone):
            user.zone = batch.zone
        fates = self._fates(user, batch, appended_ms, first, last)
        outputs = self._applied(user, batch, offset, first, fates)
        events = zip(batch.events[first:last], fates, strict=True)
        times = [event.time for event, fate in events if fate == "ok"]
        # What the user has open from before is noted already: only this is new.
        touched = {minute_of(time_ms) for time_ms in times}
        self._note_open(batch.user, touched, {minute // HOUR_MINUTES for minute in touched})
        user.offset, user.events = offset, last
        step = self._closing_step(max(times, default=0), offset, outputs)
        return Step(step.outputs, (batch.user, user), {f: fates.count(f) for f in set(fates)})

    def _fates(
        self, user: User, batch: ActivityBatch, appended_ms: int, first: int, last: int
    ) -> list[str]:
        """Tell what becomes of each event: ok, repeat, late or future."""
        earliest_ms, latest_ms = self.state.open_minute * MINUTE_MS, latest_time(appended_ms)
        before = seen = user.last_seq(batch.source)
        fates = []
        for event in batch.events[first:last]:
            if event.time > latest_ms:
                fates.append("future")
            elif event.time < earliest_ms:
                fates.append("late")
            elif event.seq <= seen:
                fates.append("repeat")
            else:
                seen = event.seq
                fates.append("ok")
        if seen > before:
            user.heard(batch.source, seen)
        return fates

    def _applied(
        self, user: User, batch: ActivityBatch, offset: int, first: int, fates: Sequence[str]
    ) -> list[Output]:
        """Apply events in their order, measurements that follow each other in one go."""
        outputs: list[Output] = []
        samples: list[Activity] = []
        for number, fate in enumerate(fates, first):
            event = batch.events[number]
            if fate == "ok" and event.kind == "SAMPLE":
                samples.append(event)
            elif fate == "ok":
                self._measure(user, samples)
                samples = []
                self._remember(user, event.time)
                outputs += apply_event(user, self._moment(batch, event, offset, number), self._ways)
            elif fate != "repeat":
                outputs.append(self._put_aside(batch, event, offset, fate))
        self._measure(user, samples)
        return outputs

    def _measure(self, user: User, samples: Sequence[Activity]) -> None:
        for hour, run in groupby(samples, lambda event: hour_of(event.time)):
            self._remember(user, hour * HOUR_MS)
            measure(user, list(run), user.delta(hour).measured(), self._ways.pool_of)

    def _remember(self, user: User, time_ms: int) -> None:
        remember_eves(user, self.state.open_hour, hour_of(time_ms), self._learned, self._ways)

    def _forget(self, name: str, offset: int) -> Step:
        """Erase a user, unless that is done or the user has come back since."""
        mark = erasure_mark(output_id("profile", self._number, offset), f"user/{name}")
        told = [Output(PROFILES_USERS, name, None), mark]
        user = self._users.get(name)
        if user is None or user.offset >= offset:
            return Step(told if user is None or user.offset == offset else [])
        user.drop_closed(self._durable_minute, self._durable_minute // 60)
        now_ms = max(user.clock_ms, self.state.open_minute * MINUTE_MS)
        left = departing(user, offset, now_ms, self._ways)
        for names in self._by_hour.values():
            names.discard(name)
        self._note_open(name, (minute for _, minute in left.open_minutes), left.open_hours)
        self._departures.add(name)
        return Step(told, (name, left))

    def _again(self, batch: ActivityBatch, offset: int, appended_ms: int) -> Step:
        """Let the clock see a message again whose events are applied already."""
        times = [e.time for e in batch.events if not is_future(e.time, appended_ms)]
        return self._closing_step(max(times, default=0), offset, [])

    def _moment(self, batch: ActivityBatch, event: Activity, offset: int, number: int) -> Moment:
        learned = self._learned(event.time)
        return Moment(batch.user, event, learned, self._number, offset, number)

    def _put_aside(self, batch: ActivityBatch, event: Activity, offset: int, fate: str) -> Output:
        record = LateActivity(
            user=batch.user,
            source=batch.source,
            reason="FUTURE" if fate == "future" else "LATE",
            watermark=self.state.open_minute * MINUTE_MS,
            source_partition=self._number,
            source_offset=offset,
            event=event,
        )
        return Output(TELEMETRY_LATE, batch.user, record)

    def _note_open(self, name: str, minutes: Iterable[int], hours: Iterable[int]) -> None:
        """Note what a user added to that is not closed; what is, stays until that is durable."""
        for minute in minutes:
            if minute >= self.state.open_minute:
                self._by_minute[minute].add(name)
        for hour in hours:
            if hour >= self.state.open_hour:
                self._by_hour[hour].add(name)

    def _closing_step(self, clock_ms: int, offset: int, outputs: list[Output]) -> Step:
        """Move the clock; where that closes minutes, add what there is to say about them."""
        self.state.clock_ms = max(self.state.clock_ms, clock_ms)
        through = first_open_minute(self.state.clock_ms, self._lateness_ms)
        if through <= self.state.open_minute:
            return Step(outputs)
        # Of a longer leap the last hours only: each profile is renewed once in these.
        for stop in stops(self.state.open_minute, through, PROFILE_HOURS):
            outputs = outputs + self._close(stop, offset)
        if self._number == 0:
            self.state.silence = self._silence.to_bytes()
        return Step(outputs)

    def _close(self, through: int, offset: int) -> list[Output]:
        """Close minutes, an hour of them at most: each hour has its own word of what is expected.

        Which message closes an hour is chance after a crash, and must not show.
        """
        last_hour = through // 60 - 1
        new_hour = last_hour >= self.state.open_hour
        expected = self._expected(last_hour + 1) if new_hour else {}
        outputs = self._demand(through, offset, expected)
        if new_hour:
            outputs += self._hours(last_hour, offset)
        self.state.open_minute = through
        return outputs

    def _expected(self, hour: int) -> dict[str, float]:
        return expected_by_pool(self._users, hour, self._learned(hour * HOUR_MS), self._ways)

    def _demand(self, through: int, offset: int, expected: dict[str, float]) -> list[Output]:
        closed = [minute for minute in self._by_minute if minute < through]
        changed = changes(self._users, self._by_minute, closed)
        outputs = []
        for pool in sorted({*self._pools, *changed}):
            before = self.state.level(pool)
            minutes, self.state.levels[pool] = demand_of_pool(before, changed.get(pool, {}))
            outputs.append(
                demand_output(pool, self._number, offset, through, minutes, expected.get(pool, 0.0))
            )
        for minute in closed:
            del self._by_minute[minute]
        return outputs

    def _hours(self, last_hour: int, offset: int) -> list[Output]:
        first = self.state.open_hour
        groups = self._groups(first, last_hour)
        outputs = partial_outputs(
            self._users, self._by_hour, self._number, offset, last_hour, groups
        )
        if first > 0:
            now_ms = (last_hour + 1) * HOUR_MS
            outputs += profile_outputs(self._users, self._learned(now_ms), now_ms, self._ways)
        for hour in [h for h in self._by_hour if h <= last_hour]:
            del self._by_hour[hour]
        return outputs

    def _groups(self, first: int, last_hour: int) -> bytes | None:
        """Return the counts of groups if a day ended in the closed hours."""
        day = (last_hour + 1) // DAY_HOURS
        if first <= 0 or first >= day * DAY_HOURS:
            return None
        users = ((name, self._users.get(name)) for name in sorted(self._users.names()))
        known = ((name, user) for name, user in users if user is not None)
        return counted(known, day * DAY_HOURS * HOUR_MS, self._ways.groups_of)


def _segments(events: Sequence[Activity], start: int, span_ms: int) -> Iterator[tuple[int, int]]:
    """Cut events into runs of at least one that each span less than the allowed lateness."""
    first = start
    while first < len(events):
        low = high = events[first].time
        last = first + 1
        while last < len(events):
            low, high = min(low, events[last].time), max(high, events[last].time)
            if high - low >= span_ms:
                break
            last += 1
        yield first, last
        first = last

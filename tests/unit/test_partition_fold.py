"""The fold of one partition of telemetry: what becomes of every kind of event."""

import msgspec
import pytest

from schemas.records import Activity, ActivityBatch, Tick
from schemas.topics import (
    DEMAND_OBSERVED,
    POPULATION_PARTIALS,
    PREDICTIONS_PROGRAMS,
    TELEMETRY_LATE,
)
from streams.pipeline.closing import PROFILE_HOURS
from streams.pipeline.learned import LearnedVersions
from streams.pipeline.level import MAX_RUNNING
from streams.pipeline.partition import ProfilePartition, Step
from tests.testkit.office import HOUR_MS, POOLS, START_MS, WAYS, activities, log_of, played
from tests.testkit.offline import LATENESS_MS, MemoryUsers


class Partition:
    """A partition's fold with its users, fed by hand."""

    def __init__(self) -> None:
        self.users = MemoryUsers()
        names = tuple(pool.name for pool in POOLS)
        learned = LearnedVersions().at
        self.fold = ProfilePartition(0, self.users, WAYS, names, LATENESS_MS, learned)
        self.offset = 0

    def send(
        self, *events: Activity, user: str = "ada", appended_ms: int | None = None
    ) -> list[Step]:
        batch = ActivityBatch(user=user, host="h", source="s", events=list(events))
        now_ms = appended_ms or max((e.time for e in events), default=0)
        steps = self.apply(batch, self.offset, now_ms)
        self.offset += 1
        return steps

    def apply(self, batch: ActivityBatch, offset: int, now_ms: int) -> list[Step]:
        steps = []
        for step in self.fold.apply(batch, offset, now_ms):
            if step.user:
                self.users.save(*step.user)
            steps.append(step)
        return steps

    def tick(self, time_ms: int, activity_offset: int | None = None) -> list[Step]:
        tick = Tick(source="s", time=time_ms, partition=0, activity_offset=activity_offset)
        return list(self.fold.tick(tick, 0, time_ms))


def launch(seq: int, after_ms: int, program: str = "mail") -> Activity:
    return Activity(seq=seq, time=START_MS + after_ms, kind="LAUNCH", program=program)


def sample(seq: int, after_ms: int, program: str) -> Activity:
    return Activity(
        seq=seq, time=START_MS + after_ms, kind="SAMPLE", program=program, cpu_cores=1.0
    )


def exited(seq: int, after_ms: int, program: str) -> Activity:
    return Activity(seq=seq, time=START_MS + after_ms, kind="EXIT", program=program)


def sent(steps: list[Step], topic: object) -> list[msgspec.Struct]:
    return [o.record for step in steps for o in step.outputs if o.topic is topic]


def test_a_launch_gives_a_prediction_at_once() -> None:
    (prediction,) = sent(Partition().send(launch(0, 0)), PREDICTIONS_PROGRAMS)
    assert (prediction.user, prediction.after_program) == ("ada", "mail")


def test_a_repeat_of_source_and_number_counts_once() -> None:
    partition = Partition()
    partition.send(launch(0, 0))
    assert sent(partition.send(launch(0, 0)), PREDICTIONS_PROGRAMS) == []
    assert partition.users.get("ada").launches == 1


def test_an_event_after_its_minute_is_closed_is_put_aside() -> None:
    partition = Partition()
    partition.send(launch(0, 0))
    partition.send(launch(1, 200_000))
    steps = partition.send(launch(2, 10_000))
    (late,) = sent(steps, TELEMETRY_LATE)
    assert (late.reason, late.event.seq) == ("LATE", 2)
    assert partition.users.get("ada").launches == 2


def test_an_event_within_the_lateness_still_counts() -> None:
    partition = Partition()
    partition.send(launch(0, 100_000))
    steps = partition.send(launch(1, 60_000))
    assert sent(steps, TELEMETRY_LATE) == []
    assert partition.users.get("ada").launches == 2


def test_an_event_from_the_future_is_put_aside_and_moves_no_clock() -> None:
    partition = Partition()
    partition.send(launch(0, 0))
    steps = partition.send(launch(1, 10**9), appended_ms=START_MS + 1000)
    (future,) = sent(steps, TELEMETRY_LATE)
    assert future.reason == "FUTURE"
    assert partition.fold.state.clock_ms == START_MS


def test_a_message_that_comes_again_is_not_applied_again() -> None:
    partition = Partition()
    batch = ActivityBatch(user="ada", host="h", source="s", events=[launch(0, 0)])
    partition.apply(batch, 0, START_MS)
    before = partition.users.saved["ada"]
    assert sent(partition.apply(batch, 0, START_MS), PREDICTIONS_PROGRAMS) == []
    assert partition.users.saved["ada"] == before


def test_a_closed_minute_tells_its_launches() -> None:
    partition = Partition()
    partition.send(launch(0, 1000), launch(1, 2000, "compiler"))
    told = sent(partition.tick(START_MS + 130_000), DEMAND_OBSERVED)
    launches = {d.pool: [m.launches for m in d.minutes] for d in told}
    assert launches == {"build": [1], "default": [1]}


def test_a_late_sample_that_gives_way_to_the_most_that_may_run_leaves_no_level() -> None:
    partition = Partition()
    seqs = range(MAX_RUNNING)
    young = [sample(seq, 100_000 + seq, f"p{seq}") for seq in seqs]
    partition.send(*young)
    partition.send(sample(MAX_RUNNING, 90_000, "late"), sample(MAX_RUNNING + 1, 90_001, "late"))
    assert "late" not in partition.users.get("ada").running
    partition.send(*(exited(seq + 99, 110_000 + seq, f"p{seq}") for seq in seqs))
    told = sent(partition.tick(START_MS + 180_000), DEMAND_OBSERVED)
    (minute,) = next(d for d in told if d.pool == "default").minutes
    assert minute.cpu_millicores == 0, "all that ran has ended"
    assert minute.cpu_millicore_ms == MAX_RUNNING * 1000 * 10_000


def test_a_running_program_holds_its_level_until_it_exits() -> None:
    partition = Partition()
    partition.send(Activity(seq=0, time=START_MS, kind="SAMPLE", program="mail", cpu_cores=2.0))
    first = sent(partition.tick(START_MS + 180_000), DEMAND_OBSERVED)
    (minute,) = [minute for d in first if d.pool == "default" for minute in d.minutes]
    assert (minute.cpu_millicore_ms, minute.cpu_millicores) == (2000 * 60_000, 2000)
    partition.send(Activity(seq=1, time=START_MS + 210_000, kind="EXIT", program="mail"))
    second = sent(partition.tick(START_MS + 400_000), DEMAND_OBSERVED)
    (minute,) = next(d for d in second if d.pool == "default").minutes
    assert (minute.cpu_millicore_ms, minute.cpu_millicores) == (2000 * 30_000, 0)


def test_a_heartbeat_waits_for_the_activity_before_it() -> None:
    partition = Partition()
    assert sent(partition.tick(START_MS + HOUR_MS, activity_offset=1), DEMAND_OBSERVED) == []
    told = sent(partition.send(launch(0, 0)), DEMAND_OBSERVED)
    assert max(d.closed_through for d in told) == START_MS + HOUR_MS - LATENESS_MS


def test_a_closed_hour_tells_what_was_learnt_even_when_nothing_was() -> None:
    partition = Partition()
    partition.send(launch(0, 0))
    partials = sent(partition.tick(START_MS + 5 * HOUR_MS + 60_000), POPULATION_PARTIALS)
    first = START_MS // HOUR_MS
    assert [(p.hour - first, bool(p.body)) for p in partials] == [
        (-1, False), (0, True), (1, False), (2, False), (3, False), (4, False),
    ]  # fmt: skip


def test_each_hour_is_closed_by_itself_with_what_is_expected_of_the_next() -> None:
    partition = Partition()
    partition.send(launch(0, 0))
    told = sent(partition.tick(START_MS + 2 * HOUR_MS + 660_000), DEMAND_OBSERVED)
    of_default = [d for d in told if d.pool == "default"]
    assert [(d.closed_through - START_MS) // 60_000 for d in of_default] == [0, 60, 120, 130]
    assert [d.expected_launches > 0 for d in of_default] == [False, True, True, False]


@pytest.mark.parametrize("gap_hours", [PROFILE_HOURS + 1, 1000])
def test_closing_a_long_gap_takes_as_many_records_whatever_its_length(gap_hours: int) -> None:
    partition = Partition()
    partition.send(launch(0, 0))
    partition.tick(START_MS + 2 * HOUR_MS)
    told = sent(partition.tick(START_MS + (2 + gap_hours) * HOUR_MS), DEMAND_OBSERVED)
    assert len(told) == len(POOLS) * (PROFILE_HOURS + 1)


def test_a_wide_batch_is_as_good_as_single_events() -> None:
    rows = [("ada", e) for _, e in activities(3, 60)]
    single = played(log_of(rows, 1), 1)
    partition = Partition()
    steps = partition.send(*(event for _, event in rows), appended_ms=START_MS + 9 * HOUR_MS)
    wide = sent(steps, PREDICTIONS_PROGRAMS)
    alone = single.records(PREDICTIONS_PROGRAMS)
    assert [p.made_at for p in wide] == [p.made_at for p in alone]

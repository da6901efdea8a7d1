"""A scene for the page: records as the pipeline writes them, of any number of pools."""

import math
import random
from collections.abc import Iterator

import msgspec

from schemas.records import (
    AllocationEvent,
    AnomalyAlert,
    Candidate,
    DemandForecast,
    DemandObserved,
    MinuteDemand,
    ProgramPrediction,
    ProgramUse,
    ReserveAction,
    ReserveStatus,
    Sequence,
    ShadowEvent,
    Step,
    Tick,
    UserProfile,
)
from streams.models.demand import LEVELS
from streams.pipeline.resources import RESOURCES, UNITS

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
HOURS_BACK = 60
STEPS = {"HOUR": (60, MINUTE_MS), "DAY": (24, HOUR_MS), "WEEK": (168, HOUR_MS)}
NAMED = ("build", "notebooks", "office")
# What a name may hold when somebody wants to harm the page's readers.
HOSTILE = "<img src=x onerror=alert(1)><a href='http://evil.example'>x</a>"
PROGRAMS = ("mail", "browser", "writer", "calc", "editor", "compiler", "tests", "git")
SCALE = {"INSTANCES": 1.0, "CPU": 2.4, "MEMORY": 6 * 2**30, "STORAGE": 40 * 2**30, "NETWORK": 2e7}
# Standard normal quantiles of LEVELS.
Z = (-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645, 2.326)


def pool_names(count: int) -> list[str]:
    """The names of the pools: a few that read well, then numbered ones, the last a hostile one."""
    names = [*NAMED[:count], *(f"pool-{number:04d}" for number in range(count - len(NAMED)))]
    return [*names[:-1], HOSTILE] if count > len(NAMED) else names


def level_at(time_ms: int, size: float) -> float:
    """Demand by the hour: nights quiet, mornings steep, Fridays short, weekends nearly nothing."""
    hour, day = time_ms // HOUR_MS % 24, (time_ms // (24 * HOUR_MS) + 3) % 7
    shape = math.exp(-(((hour - 10.5) / 3.2) ** 2)) + 0.7 * math.exp(-(((hour - 15) / 2.4) ** 2))
    return size * (0.06 + shape * (1.0, 1.0, 1.0, 1.0, 0.75, 0.12, 0.08)[day])


def scene(end_ms: int, pools: int = 3, users: int = 8, seed: int = 3) -> Iterator[msgspec.Struct]:
    """Give the records, those of a partition in their order."""
    rng = random.Random(seed)
    end_ms -= end_ms % HOUR_MS
    yield Tick(source="synthetic-scene", time=end_ms, partition=0)
    names = pool_names(pools)
    for number, pool in enumerate(names):
        hours_back = HOURS_BACK if number < len(NAMED) else 2
        yield from _demand(pool, end_ms, 18.0 / (1 + number % 5), hours_back, rng)
        yield from _reserve(pool, end_ms, number, 60 if number < len(NAMED) else 2, rng)
    yield from _people(end_ms, users, names, rng)
    yield from _decisions(end_ms, names[0], rng)
    yield from _alerts(end_ms, names)


def _demand(
    pool: str, end_ms: int, size: float, hours: int, rng: random.Random
) -> Iterator[msgspec.Struct]:
    for hour in range(end_ms // HOUR_MS - hours, end_ms // HOUR_MS):
        start_ms = hour * HOUR_MS
        yield from _forecasts(pool, start_ms, size)
        launches = max(0, round(rng.gauss(level_at(start_ms, size), size / 9)))
        yield _observed(pool, start_ms, launches, level_at(start_ms, 1.0))
    yield from _forecasts(pool, end_ms, size, ("HOUR", "DAY", "WEEK"))


def _forecasts(
    pool: str, made_at: int, size: float, horizons: tuple[str, ...] = ("DAY",)
) -> Iterator[DemandForecast]:
    for resource in RESOURCES[:3]:
        for horizon in horizons:
            count, step_ms = STEPS[horizon]
            per_step = SCALE[resource] * (step_ms / HOUR_MS if resource == "INSTANCES" else 1.0)
            steps = []
            for number in range(count):
                time_ms = made_at + number * step_ms
                mean = level_at(time_ms, size if resource == "INSTANCES" else 1.0)
                spread = size / 9 if resource == "INSTANCES" else 0.1
                values = [max(0.0, per_step * (mean + z * spread)) for z in Z]
                steps.append(Step(time=time_ms, quantiles=values))
            peak = [max(step.quantiles[n] for step in steps) for n in range(len(LEVELS))]
            yield DemandForecast(
                forecast_id=f"{pool}-{resource}-{horizon}-{made_at}", pool=pool, resource=resource,
                unit=UNITS[resource], made_at=made_at, horizon=horizon, step_s=step_ms // 1000,
                steps=steps, levels=list(LEVELS), peak=peak, model="scene",
            )  # fmt: skip


def _observed(pool: str, start_ms: int, launches: int, level: float) -> DemandObserved:
    cores, kib = round(2400 * level), round(6 * 2**20 * level)
    minutes = [
        MinuteDemand(
            time=start_ms + at * MINUTE_MS,
            launches=(at + 1) * launches // 60 - at * launches // 60,
            cpu_millicore_ms=cores * MINUTE_MS, memory_kib_ms=kib * MINUTE_MS, storage_kib_ms=0,
            network_byte_ms=0, cpu_millicores=cores, memory_kib=kib, storage_kib=0,
            network_bytes_per_s=0,
        )
        for at in range(60)
    ]  # fmt: skip
    return DemandObserved(
        pool=pool, source_partition=0, source_offset=start_ms // HOUR_MS,
        closed_through=start_ms + HOUR_MS, minutes=minutes,
    )  # fmt: skip


def _reserve(
    pool: str, end_ms: int, number: int, minutes: int, rng: random.Random
) -> Iterator[ReserveStatus]:
    hits, misses, idle = 900 // (1 + number % 7), number % 9, 40.0
    for minute in range(minutes):
        target = 6 + (minute // 20 + number) % 4
        ready = max(0, target - rng.choice((0, 0, 0, 1, 2)))
        hits += rng.choice((0, 0, 1, 2))
        misses += rng.random() < 0.02
        idle += ready / 60
        yield ReserveStatus(
            pool=pool, time=end_ms - (minutes - minute) * MINUTE_MS, target=target, ready=ready,
            building=target - ready, paused=2 + number % 2, shelved=3, leased=9 + minute // 15,
            cap=60, hits=hits, misses=misses, hit_rate=hits / (hits + misses), target_hit_rate=0.98,
            idle_instance_hours=idle, wait_ms_p50=180.0, wait_ms_p99=94_000.0 if misses else 950.0,
            lead_time_s=90.0,
            reason=f"95 % of outcomes over the 90 s of a launch need {target - 2}; 2 more for the "
            "price of a miss",
        )  # fmt: skip


def _people(
    end_ms: int, users: int, pools: list[str], rng: random.Random
) -> Iterator[msgspec.Struct]:
    names = [f"person-{number:02d}" for number in range(users - 1)] + [HOSTILE]
    for user in names:
        favourites = rng.sample(PROGRAMS, 4)
        for launch in range(40):
            program = favourites[launch % 4] if rng.random() < 0.8 else rng.choice(PROGRAMS)
            yield _prediction(user, program, favourites, end_ms - (40 - launch) * 7 * MINUTE_MS)
        yield _profile(user, favourites, end_ms)


def _prediction(user: str, program: str, favourites: list[str], time_ms: int) -> ProgramPrediction:
    after = favourites.index(program) if program in favourites else 0
    order = [favourites[(after + step) % 4] for step in (1, 2, 3)]
    candidates = [
        Candidate(
            program=name, p_next=p, p_1m=p / 4, p_5m=p / 2, p_15m=0.8 * p, p_60m=0.95 * p,
            expected_s=120.0 / p,
        )
        for name, p in zip(order, (0.72, 0.14, 0.06), strict=True)
    ]  # fmt: skip
    return ProgramPrediction(
        prediction_id=f"{user}-{time_ms}", user=user, after_program=program, made_at=time_ms,
        candidates=candidates, model="scene",
    )  # fmt: skip


def _profile(user: str, favourites: list[str], end_ms: int) -> UserProfile:
    rates = [level_at((3 * 24 + hour + 24) * HOUR_MS, 4.0) for hour in range(168)]
    programs = [
        ProgramUse(
            program=name, launches=300 // (n + 1), share=0.48 / (n + 1), cpu_cores_p50=0.4,
            cpu_cores_p95=1.6 + n, memory_bytes_p50=3e8, memory_bytes_p95=9e8 + n * 4e8,
            duration_s_p50=1500.0, data_refs=[],
        )
        for n, name in enumerate(favourites)
    ]  # fmt: skip
    sequences = [
        Sequence(
            first=favourites[n], then=favourites[(n + 1) % 4], window_s=window, support=60 + n,
            probability=p, low=p - 0.09, high=min(0.99, p + 0.07),
        )
        for n, (p, window) in enumerate(((0.86, 300), (0.74, 900), (0.62, 300), (0.55, 3600)))
    ]  # fmt: skip
    return UserProfile(
        user=user, updated_at=end_ms, launches=625, zone="Europe/Berlin", week_rates=rates,
        programs=programs, sequences=sequences, sensitivity=0.31, sensitivity_low=0.18,
        sensitivity_high=0.47, presence_24h=[0.5] * 24, next_session_length_s=6400.0,
    )  # fmt: skip


def _decisions(end_ms: int, pool: str, rng: random.Random) -> Iterator[msgspec.Struct]:
    for number in range(30):
        time_ms = end_ms - (30 - number) * 90_000
        instance, intent, request = f"vm-{number:03d}", f"intent-{number:03d}", f"req-{number:03d}"
        user = f"person-{number % 7:02d}"
        cold = rng.random() < 0.1
        yield ReserveAction(
            action_id=f"{intent}/CREATE", pool=pool, time=time_ms - 95_000, verb="CREATE",
            instance_id=instance, intent_id=intent, outcome="DONE",
            reason="the reserve is 1 below its target",
        )  # fmt: skip
        yield AllocationEvent(
            event_id=f"{request}/ASSIGNED", request_id=request, kind="ASSIGNED", pool=pool,
            instance_id=instance, tier="cold" if cold else "active", time=time_ms,
            wait_ms=92_000 if cold else 160, user=user, program="compiler",
            reason="no instance was ready" if cold else "the instance that was ready for longest",
        )  # fmt: skip
        yield from _shadow(number, time_ms, pool, user, instance)


def _shadow(
    number: int, time_ms: int, pool: str, user: str, instance: str
) -> Iterator[ShadowEvent]:
    hit = number % 4 != 0
    common = {
        "pool": pool, "user": user, "program": "compiler", "step_id": "warm-cache",
        "instance_id": instance, "probability": 0.81, "value": 14.2,
    }  # fmt: skip
    yield ShadowEvent(
        event_id=f"shadow-{number}/STARTED", time=time_ms - 60_000, kind="STARTED",
        reason="0.81 x 22 s saved outweighs 0.19 x 9 s wasted", **common,
    )  # fmt: skip
    yield ShadowEvent(
        event_id=f"shadow-{number}/END", time=time_ms, kind="HIT" if hit else "MISS",
        saved_s=22.0 if hit else None, wasted_s=None if hit else 9.0,
        reason="launched within the window" if hit else "not launched within the window", **common,
    )  # fmt: skip


def _alerts(end_ms: int, pools: list[str]) -> Iterator[AnomalyAlert]:
    for number, severity in enumerate(("CRITICAL", "WARNING", "INFO", "WARNING")):
        subject = f"{pools[number % len(pools)]}/{RESOURCES[number % 3]}"
        yield AnomalyAlert(
            alert_id=f"a{number}", incident_id=f"i{number}", subject=subject, kind="demand",
            severity=severity, started_at=end_ms - (number + 1) * 5 * HOUR_MS,
            ended_at=None if number == 0 else end_ms - number * 4 * HOUR_MS, observed=41.0 - number,
            expected_low=3.0, expected_high=17.5, p_value=0.0004 * (number + 1),
            evidence=f"{41 - number} launches in an hour of pool {pools[number % len(pools)]}; "
            "99 of 100 such hours had at most 17.5",
        )  # fmt: skip

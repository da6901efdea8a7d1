"""Compiles the models' hot loops before a worker joins its group.

The first time on a machine that takes one to three minutes (138 s were measured beside an allocator
that compiled as well); afterwards the compiled code comes from the disk. Done while the worker owns
partitions, it would hold up heartbeats and look like a dead one.
"""

import time

import numpy as np
import structlog

from schemas.records import Activity
from streams.models.demand import HourlyForecaster, MinuteForecaster
from streams.models.demand.bottom_up import BottomUp
from streams.models.programs import (
    Population,
    PopulationDelta,
    UserPrograms,
    observe,
    sequences,
)
from streams.pipeline.learned import HourDelta
from streams.pipeline.samples import measure
from streams.pipeline.user import User

log = structlog.get_logger()
HOUR_S = 3600.0


def warm_up() -> float:
    """Run each model once on made-up input; return how many seconds it took."""
    began = time.monotonic()
    log.info("models get ready; the first start here compiles them, for one to three minutes")
    _programs()
    _measurements()
    _demand()
    took_s = time.monotonic() - began
    log.info("models are ready", seconds=round(took_s, 1))
    return took_s


def _programs() -> None:
    population, user = Population.empty(), UserPrograms()
    for number in range(12):  # enough for a sequence to be told
        delta = PopulationDelta()
        for second in range(4):
            observe(user, population, delta, f"p{second % 2}", number * HOUR_S + second * 10.0)
        population = population.advanced(PopulationDelta.from_bytes(delta.to_bytes()))
    sequences(UserPrograms.from_bytes(user.to_bytes()))


def _measurements() -> None:
    user, delta = User(0), HourDelta()
    for second in range(2):
        at_ms = 1000 * second
        sample = Activity(seq=second, time=at_ms, kind="SAMPLE", program="p", cpu_cores=0.5)
        measure(user, [sample], delta.consumption, lambda _: "default")
        user.consumption.observe_duration(1, 60.0, delta.consumption)
        user = User.from_bytes(user.to_bytes())
    both = HourDelta.from_bytes(delta.to_bytes())
    both.merge(delta)


def _demand() -> None:
    hourly = HourlyForecaster()
    for hour in range(30):
        hourly.observe(float(hour % 5), hour * HOUR_S)
    hourly.forecast(range(1, 169))
    by_minute = MinuteForecaster()
    for minute in range(90):
        by_minute.observe(float(minute % 3), minute, 1)
    by_minute.peak(60)
    by_minute.means(60)
    both = BottomUp()
    both.expect(np.array([0.0, 2.0, 5.0]), 4.0, hour=9)
    both.learn(6.0, hour=9)

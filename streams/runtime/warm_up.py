"""Compiles the models' hot loops before a worker joins its group.

The first time on a machine that takes up to a minute; afterwards the compiled code comes from the
disk. Done while the worker owns partitions, it would hold up heartbeats and look like a dead one.
"""

import time

import structlog

from streams.models.demand import HourlyForecaster, MinuteForecaster
from streams.models.programs import Population, PopulationDelta, UserPrograms, observe

log = structlog.get_logger()
HOUR_S = 3600.0


def warm_up() -> float:
    """Run each model once on made-up input; return how many seconds it took."""
    began = time.monotonic()
    log.info("models get ready; on the first start here they are compiled, for up to a minute")
    _programs()
    _demand()
    took_s = time.monotonic() - began
    log.info("models are ready", seconds=round(took_s, 1))
    return took_s


def _programs() -> None:
    population, user = Population.empty(), UserPrograms()
    for number in range(8):
        delta = PopulationDelta()
        for second in range(4):
            observe(user, population, delta, f"p{second % 2}", number * HOUR_S + second * 10.0)
        population = population.advanced(delta)
    UserPrograms.from_bytes(user.to_bytes())


def _demand() -> None:
    hourly = HourlyForecaster()
    for hour in range(30):
        hourly.observe(float(hour % 5), hour * HOUR_S)
    hourly.forecast(range(1, 169))
    by_minute = MinuteForecaster()
    for minute in range(90):
        by_minute.observe(float(minute % 3), minute, 1)
    by_minute.forecast(60)

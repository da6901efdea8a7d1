"""The resources that demand is forecast for, and how integrals become their values."""

from typing import Literal

from streams.pipeline.level import KIB, Level

ResourceName = Literal["INSTANCES", "CPU", "MEMORY", "STORAGE", "NETWORK"]
RESOURCES: tuple[ResourceName, ...] = ("INSTANCES", "CPU", "MEMORY", "STORAGE", "NETWORK")
UNITS: dict[ResourceName, str] = {
    "INSTANCES": "launches", "CPU": "cores", "MEMORY": "bytes", "STORAGE": "bytes",
    "NETWORK": "bytes/s",
}  # fmt: skip


def values(launches: int, integral: Level, span_ms: int) -> tuple[float, ...]:
    """Return one value for each of RESOURCES: launches in the span, and mean levels over it.

    Examples
    --------
    >>> values(3, Level(cpu_millicores=120_000_000), 60_000)[:2]
    (3.0, 2.0)
    """
    return (
        float(launches),
        integral.cpu_millicores / span_ms / 1000,
        integral.memory_kib / span_ms * KIB,
        integral.storage_kib / span_ms * KIB,
        integral.network_bytes_per_s / span_ms,
    )

"""Leaves out samples that tell nothing new: a level holds until the next sample."""

from streams.collect.runs import Owner, Use

# Below these, a change is noise of the measurement.
CPU_CORES = 0.02
RATE_BYTES_PER_S = 4096.0
SHARE = 0.1
# The pipeline forgets a level after a day; a reader of the topic should not wait that long.
AGAIN_S = 600.0


class Thinning:
    """Remembers what was said last of each user's programs.

    Examples
    --------
    >>> thinning, use = Thinning(), Use(0.5, 1_000_000, None, None)
    >>> thinning.worth_saying(("ada", "vim"), use, 0.0)
    True
    >>> thinning.worth_saying(("ada", "vim"), use._replace(cpu_cores=0.51), 5.0)
    False
    """

    def __init__(self) -> None:
        self._said: dict[Owner, tuple[float, Use]] = {}

    def worth_saying(self, owner: Owner, use: Use, now_s: float) -> bool:
        """Tell whether a sample is news, and remember it if so."""
        said = self._said.get(owner)
        if said is not None and now_s - said[0] < AGAIN_S and _alike(said[1], use):
            return False
        self._said[owner] = now_s, use
        return True

    def forget(self, owner: Owner) -> None:
        """Forget a program that ended: its next run is news."""
        self._said.pop(owner, None)


def _alike(said: Use, use: Use) -> bool:
    return (
        _near(said.cpu_cores, use.cpu_cores, CPU_CORES)
        and _near(said.memory_bytes, use.memory_bytes, 0.0)
        and _near(said.disk_bytes_per_s or 0.0, use.disk_bytes_per_s or 0.0, RATE_BYTES_PER_S)
        and _near(said.network_bytes_per_s or 0.0, use.network_bytes_per_s or 0.0, RATE_BYTES_PER_S)
    )


def _near(said: float, now: float, least: float) -> bool:
    return abs(now - said) <= max(least, SHARE * abs(said))

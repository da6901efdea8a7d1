"""The data that one program's runs touch: a few references with probabilities."""

ONE = 65_535  # probability 1 in the 16 bits of an entry
_SLOWEST = 16  # run n moves a probability by 1/(n + 1), a plain frequency, and at least by 1/16


class ProgramData:
    """References touched by a program's runs, most of them forgotten after some twenty runs.

    A run that is over moves each kept reference's probability towards 1 if it touched it, else
    towards 0, by integer steps. A reference not seen before takes a free place or that of the
    least likely one the run did not touch.

    Examples
    --------
    >>> data = ProgramData(places=4)
    >>> for run in range(8):
    ...     data.begin_run()
    ...     data.touch(0xA)
    ...     if run % 2:
    ...         data.touch(0xB)
    >>> [(hex(ref), round(p, 1)) for ref, p in data.refs()]
    [('0xa', 0.9), ('0xb', 0.4)]
    """

    __slots__ = ("places", "runs", "shares", "touched")

    def __init__(self, places: int) -> None:
        self.places = places
        self.runs = 0
        self.shares: dict[int, int] = {}
        self.touched: set[int] = set()  # by the run going on; always among the shares

    def begin_run(self) -> None:
        """Close the run that was going on and begin another."""
        if self.runs:
            self.shares = self._settled()
            self.touched = set()
        self.runs = min(self.runs + 1, 255)

    def touch(self, ref: int) -> None:
        """Note that the run touches a reference."""
        if ref not in self.shares and not self._make_room():
            return
        self.shares.setdefault(ref, 0)
        self.touched.add(ref)
        self.runs = max(self.runs, 1)

    def _make_room(self) -> bool:
        if len(self.shares) < self.places:
            return True
        free = [ref for ref in self.shares if ref not in self.touched]
        if not free:
            return False
        del self.shares[min(free, key=self.shares.__getitem__)]
        return True

    def _settled(self) -> dict[int, int]:
        """Probabilities as they are once the present run is counted."""
        slowness = min(self.runs + 1, _SLOWEST)
        return {
            ref: share + (ONE - share) // slowness
            if ref in self.touched
            else share - share // slowness
            for ref, share in self.shares.items()
        }

    def refs(self) -> list[tuple[int, float]]:
        """References and the probability that the next run touches each, falling."""
        settled = self._settled() if self.touched else self.shares
        return sorted(
            ((ref, share / ONE) for ref, share in settled.items()),
            key=lambda row: (-row[1], row[0]),
        )

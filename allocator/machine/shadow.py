"""For whom an instance is or was prepared: kept with it until it is rebuilt."""

import msgspec


class Shadow(msgspec.Struct, kw_only=True):
    """One shadow run.

    Parameters
    ----------
    user, program
        For whose next launch of what.
    prediction_id
        What foretold it.
    steps
        Ids of the declared steps, in their order.
    took_ms
        What each step that is done took; as long as the steps done so far.
    promised, value, cost
        Probability as stated, expected gain, and cost if nobody comes, when it was started.
    begun_ms, prepared_ms, until_ms
        When it began, when the last step was done (None: not yet), when it is given up.
    busy_until_ms
        Until when a step may still run on the instance, whoever asked for it: no rebuild before.
    undo
        Steps whose effects outside the instance are still to be taken back.
    undo_tries
        How often that was tried.
    reserved_min
        Instance-minutes that were taken off the budget for it.
    """

    user: str
    program: str
    prediction_id: str
    steps: list[str]
    promised: float
    value: float
    cost: float
    begun_ms: int
    until_ms: int
    busy_until_ms: int
    took_ms: list[int] = []
    prepared_ms: int | None = None
    undo: list[str] = []
    undo_tries: int = 0
    reserved_min: float = 0.0

    def saved_ms(self, now_ms: int) -> int:
        """What who comes now need not wait: what the steps have taken by then.

        Examples
        --------
        >>> shadow = Shadow(user="ada", program="mail", prediction_id="p", steps=["a"],
        ...     promised=0.5, value=1.0, cost=1.0, begun_ms=0, until_ms=9, busy_until_ms=9,
        ...     took_ms=[4_000], prepared_ms=4_000)
        >>> shadow.saved_ms(3_000), shadow.saved_ms(60_000)
        (3000, 4000)
        """
        return max(0, min(sum(self.took_ms), now_ms - self.begun_ms))

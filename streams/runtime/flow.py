"""Lets messages flow to agents, and empties their queues only where that begins anew."""

from mode.utils.queues import FlowControlEvent


class Flow(FlowControlEvent):  # type: ignore[misc]
    """Faust's flow control, which does nothing when told to resume what flows.

    Faust resumes several times after a rebalance, and each time empties the queues. What had been
    put there in between was skipped: a gap that nobody goes back to.

    Examples
    --------
    >>> from mode.utils.queues import FlowControlQueue
    >>> flow = Flow()
    >>> queue = FlowControlQueue(flow_control=flow, clear_on_resume=True)
    >>> queue.put_nowait("of an earlier assignment")
    >>> flow.resume()
    >>> queue.put_nowait("of this one")
    >>> flow.resume()
    >>> queue.qsize(), queue.get_nowait()
    (1, 'of this one')
    """

    def resume(self) -> None:
        if not self.is_active():
            super().resume()

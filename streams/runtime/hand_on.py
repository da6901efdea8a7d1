"""Puts a fetched message before its agent without a task, where nothing makes it wait.

Faust makes four tasks for each message, in case a rebalance begins while it waits for room before
an agent: a tenth of a busy worker's time. What can be put there at once is put there at once, as
Faust's conductor would; everything else goes its way.
"""

from typing import Any

from faust.events import Event


def put_at_once(app: Any, message: Any) -> bool:
    """Put a message of a source before its agent; False where Faust has to see to it.

    Sources are raw bytes (`streams.runtime.app.raw_topic`), so that there is nothing to decode.
    """
    topics = app.topics
    handler = topics._tp_to_callback.get(message.tp)  # noqa: SLF001 - Faust tells it nowhere
    channels: Any = getattr(handler, "channels", ())
    if (
        len(channels) != 1
        or message.value is None
        or not topics.acks_enabled_for(message.topic)
        or not app.flow_control.is_active()
        or topics._tp_to_callback_lock.locked()  # noqa: SLF001
    ):
        return False
    (channel,) = channels
    queue = channel.queue
    if queue.full():
        return False
    message.incref(1)
    queue.put_nowait_enhanced(
        Event(app, message.key, message.value, message.headers, message),
        on_pressure_high=handler.on_pressure_high,
        on_pressure_drop=handler.on_pressure_drop,
    )
    return True

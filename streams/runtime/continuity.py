"""Notices when Faust's consumer skips messages, and ends the process before anything rests on it.

After a rebalance a partition that comes back has been seen to go on behind its committed offset,
with what an earlier generation had fetched (46 messages in one of our tests); the messages before
come later, or count as gaps. Here the first message after an assignment must be the one at the
committed offset, and each later one its successor. Where one is not, the broker is asked whether
there is anything in between: offsets are also taken by transactions' markers and by retention.
"""

from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.connection import aiokafka_config
from schemas.settings import Settings
from streams.runtime.guard import end_process

ASK_MS = 1_000


class Continuity:
    """Follows the offsets of the partitions that a worker owns.

    Parameters
    ----------
    settings
        Where the broker is.
    committed
        Gives a partition's committed offset, None for none.
    """

    def __init__(self, settings: Settings, committed: Callable[[Any], int | None]) -> None:
        self._settings = settings
        self._committed = committed
        self._next: dict[Any, int] = {}

    def forget(self) -> None:
        """Begin anew: partitions were given up."""
        self._next.clear()

    async def check(self, message: Any) -> None:
        """End the process if messages before this one were skipped."""
        tp = message.tp
        expected = self._next.get(tp)
        if expected is None:
            expected = self._committed(tp) or 0
        if message.offset > expected:
            first = await self._first_from(tp, expected)
            if first < message.offset:
                end_process(
                    "the consumer skipped messages", tp=str(tp), expected=first, got=message.offset
                )
        self._next[tp] = max(expected, message.offset + 1)

    async def _first_from(self, tp: Any, offset: int) -> int:
        """Return the offset of the first message at or after an offset; there is one."""
        partition = TopicPartition(tp.topic, tp.partition)
        consumer = AIOKafkaConsumer(
            **aiokafka_config(self._settings), auto_offset_reset="earliest",
            enable_auto_commit=False,
        )  # fmt: skip
        await consumer.start()
        try:
            consumer.assign([partition])
            consumer.seek(partition, offset)
            while True:
                found = await consumer.getmany(partition, timeout_ms=ASK_MS, max_records=1)
                for message in found.get(partition, []):
                    return int(message.offset)
        finally:
            await consumer.stop()

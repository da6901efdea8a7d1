"""Carries alerts to a webhook or to Alertmanager: at least once, each told once per process.

The position is committed only when the other side has said yes, so an outage holds alerts back and
loses none. What it refuses for good (4xx) is a dead letter. Repeats on the topic are known by
alert_id; after a restart the last uncommitted ones may be told again, under the same id, which is
sent along as Idempotency-Key.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import stamina
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from schemas import dead_letters
from schemas.codec import Codec, UndecodableError
from schemas.connection import kafka_config
from schemas.records import AnomalyAlert
from schemas.settings import Settings
from schemas.topics import ALERTS_ANOMALIES
from schemas.topics import dead_letters as dead_letters_of

LOG = structlog.get_logger(__name__)
REMEMBERED = 10_000
POLL_S = 0.5
FLUSH_S = 30.0
# One round of retries; after it the sink looks whether it shall stop, then begins another.
ATTEMPTS = 5
# The broker would take the partitions away from who does not ask for so long: an outage of hours
# must not lead to that, so between two rounds the paused consumer is asked.
Body = Callable[[AnomalyAlert], Any]
# A position that can't be kept for one of these is kept with the next alert's, or the alert comes
# again, to this process, which knows it, or to another: the group was given out anew, as after a
# machine stood still for longer than the session, or has no coordinator for a moment.
PASSING = frozenset({
    KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR, KafkaError.REQUEST_TIMED_OUT,
    KafkaError._ASSIGNMENT_LOST, KafkaError._TIMED_OUT, KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._WAIT_COORD,  # noqa: SLF001 - their names
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """Where alerts go: an address, what is sent there, and a bearer token where it asks for one."""

    url: str
    body: Body
    token: str | None = None


class RefusedError(RuntimeError):
    """The other side will never take this alert; the text says what it answered."""


class _UnavailableError(RuntimeError):
    """It may take it later."""


class AlertSink:
    """Posts alerts.

    Parameters
    ----------
    settings, codec
        Where Kafka is, and how records are read.
    target
        Where they go.
    client
        Makes the requests, with its time limits.
    wait_s
        Shortest and longest pause between two tries.
    """

    def __init__(
        self, settings: Settings, codec: Codec, target: Target, client: httpx2.Client,
        wait_s: tuple[float, float] = (0.5, 30.0),
    ) -> None:  # fmt: skip
        self._settings = settings
        self._codec = codec
        self._target = target
        self._client = client
        self._wait_s = wait_s
        self._told: OrderedDict[str, None] = OrderedDict()
        self._is_stopping = False
        self.delivered = 0

    def run(self) -> None:
        """Work until `stop`.

        Raises
        ------
        KafkaException
            If Kafka fails in a way that asking again does not help.
        """
        consumer, producer = self._consumer(), Producer(
            {**kafka_config(self._settings), "enable.idempotence": True}
        )  # fmt: skip
        consumer.subscribe([self._settings.topic(ALERTS_ANOMALIES.name)])
        try:
            while not self._is_stopping:
                message = consumer.poll(POLL_S)
                if message is None:
                    continue
                if (error := message.error()) is not None:
                    if error.retriable() or error.code() in PASSING:
                        LOG.warning("alerts can't be read for a moment", why=error.str())
                        continue
                    raise KafkaException(error)
                if self._carry(consumer, producer, message):
                    _commit(consumer, message)
        finally:
            consumer.close()

    def stop(self) -> None:
        """End `run` after the try under way; what was not taken comes again."""
        self._is_stopping = True

    def _carry(self, consumer: Any, producer: Any, message: Any) -> bool:
        """Deliver a message, or bury it; False where the sink was stopped before it could.

        Evidence is whatever was written: no JSON, no object, or nested deeper than can be read.
        """
        try:
            alert = self._codec.decode(ALERTS_ANOMALIES, message.value(), AnomalyAlert)
            return alert.alert_id in self._told or self._deliver(consumer, alert)
        except (UndecodableError, RefusedError, ValueError, RecursionError) as error:
            self._bury(producer, message, error)
            return True

    def _deliver(self, consumer: Any, alert: AnomalyAlert) -> bool:
        body = self._target.body(alert)
        paused = consumer.assignment()
        while not self._is_stopping:
            with suppress(_UnavailableError):
                self._post_patiently(alert.alert_id, body)
                self._remember(alert.alert_id)
                return True
            LOG.warning("alert waits for its receiver", alert_id=alert.alert_id)
            consumer.pause(paused)
            consumer.poll(0)
            consumer.resume(paused)
        return False

    def _post_patiently(self, alert_id: str, body: Any) -> None:
        first_s, longest_s = self._wait_s
        for attempt in stamina.retry_context(
            on=_UnavailableError, attempts=ATTEMPTS, wait_initial=first_s, wait_max=longest_s,
            timeout=None,
        ):  # fmt: skip
            with attempt:
                if self._is_stopping:
                    raise _UnavailableError("stopping")
                self._post(alert_id, body)

    def _post(self, alert_id: str, body: Any) -> None:
        headers = {"Idempotency-Key": alert_id}
        if self._target.token is not None:
            headers["Authorization"] = f"Bearer {self._target.token}"
        try:
            answer = self._client.post(self._target.url, json=body, headers=headers)
        except httpx2.HTTPError as error:
            raise _UnavailableError(type(error).__name__) from error
        if answer.is_success:
            return
        # 408 and 429 ask for another try; other 4xx will say the same again.
        if answer.is_client_error and answer.status_code not in {408, 429}:
            raise RefusedError(f"the receiver answered {answer.status_code}")
        raise _UnavailableError(f"the receiver answered {answer.status_code}")

    def _remember(self, alert_id: str) -> None:
        self.delivered += 1
        self._told[alert_id] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

    def _bury(self, producer: Any, message: Any, error: Exception) -> None:
        reason = dead_letters.headers(
            error, message.topic(), message.partition(), message.offset(), "alert-sink"
        )
        name = self._settings.topic(dead_letters_of(ALERTS_ANOMALIES).name)
        headers = [*(message.headers() or []), *reason]
        producer.produce(name, message.value(), message.key(), headers=headers)
        if producer.flush(FLUSH_S):
            raise KafkaException("a dead letter could not be written")

    def _consumer(self) -> Any:
        return Consumer(
            {
                **kafka_config(self._settings),
                "group.id": self._settings.topic("alert-sink"),
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 10_000,
                "log_level": 3,
            }
        )


def _commit(consumer: Any, message: Any) -> None:
    try:
        consumer.commit(message, asynchronous=False)
    except KafkaException as error:
        if error.args[0].code() not in PASSING:
            raise
        LOG.warning("position not kept: the alert may come again", why=error.args[0].str())

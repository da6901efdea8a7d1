"""The typed client: send telemetry, ask for instances, follow what is forecast and predicted."""

from schemas.settings import Settings
from streams.client.following import follow_forecasts, follow_predictions
from streams.client.instances import Instances, Lease, NotAssignedError
from streams.client.tail import Tail
from streams.collect.delivery import DeliveryError
from streams.collect.producer import TelemetryProducer
from streams.collect.validity import InvalidActivityError
from streams.runtime.topic_reader import TopicUnreadableError

__all__ = [
    "DeliveryError",
    "Instances",
    "InvalidActivityError",
    "Lease",
    "NotAssignedError",
    "Settings",
    "Tail",
    "TelemetryProducer",
    "TopicUnreadableError",
    "follow_forecasts",
    "follow_predictions",
]

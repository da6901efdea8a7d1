"""Producing telemetry: the producer, the collector of this host, replays and the simulator."""

from streams.collect.delivery import DeliveryError
from streams.collect.exclusive import HeldByAnotherError
from streams.collect.producer import TelemetryProducer
from streams.collect.replay import Replay, ReplayReport
from streams.collect.replay_plan import ReplayOptions
from streams.collect.validity import InvalidActivityError

__all__ = [
    "DeliveryError",
    "HeldByAnotherError",
    "InvalidActivityError",
    "Replay",
    "ReplayOptions",
    "ReplayReport",
    "TelemetryProducer",
]

"""Producing telemetry: the producer, the collector of this host, replays and the simulator."""

from streams.collect.delivery import DeliveryError
from streams.collect.exclusive import HeldByAnotherError
from streams.collect.host import HostCollector
from streams.collect.producer import TelemetryProducer
from streams.collect.replay import Replay, ReplayReport
from streams.collect.replay_plan import ReplayOptions
from streams.collect.simulator import SimulatedRow, Simulator, write_rows
from streams.collect.validity import InvalidActivityError

__all__ = [
    "DeliveryError",
    "HeldByAnotherError",
    "HostCollector",
    "InvalidActivityError",
    "Replay",
    "ReplayOptions",
    "ReplayReport",
    "SimulatedRow",
    "Simulator",
    "TelemetryProducer",
    "write_rows",
]

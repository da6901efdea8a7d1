"""Asks the allocator for instances, from a process of its own that takes no time from answers."""

import time

from confluent_kafka import Producer

from schemas.codec import Codec
from schemas.connection import kafka_config
from schemas.records import AllocationRequest
from schemas.registry import RegistryIds
from schemas.settings import Settings
from schemas.topics import ALLOCATION_REQUESTS


def ask(settings: Settings, first: int, count: int, per_s: float) -> None:
    """Produce requests evenly in time, for `pool office`.

    Parameters
    ----------
    settings
        The deployment.
    first, count
        Number of the first request, and how many.
    per_s
        The load; infinite for all at once.
    """
    ids = RegistryIds(settings.registry_url, settings.schema_cache)
    codec = Codec(ids, settings.topic_prefix)
    producer = Producer({**kafka_config(settings), "partitioner": "murmur2_random"})
    name = settings.topic(ALLOCATION_REQUESTS.name)
    producer.list_topics(name, 10)  # connected before the clock starts
    began_s = time.perf_counter()
    for number in range(count):
        while (wait_s := began_s + number / per_s - time.perf_counter()) > 0:
            time.sleep(wait_s)
        request = AllocationRequest(
            request_id=f"r-{first + number}", kind="REQUEST", user=f"u{number % 50}",
            program="mail", pool="office", time=time.time_ns() // 1_000_000,
        )  # fmt: skip
        producer.produce(name, codec.encode(ALLOCATION_REQUESTS, request), b"office")
        producer.poll(0)
    producer.flush()

"""How long launches waited for their predictions, by the broker's own times."""

from schemas.records import ActivityBatch
from schemas.topics import PREDICTIONS_PROGRAMS, TELEMETRY_ACTIVITY
from streams.pipeline.outputs import place_of
from tests.testkit.pipeline import Deployment
from tests.testkit.telemetry import read_all

KIND = "profile"


def waits_s(deployment: Deployment) -> list[float]:
    """Return for each message of telemetry how long its first prediction took, in rising order.

    The broker stamps both when they arrive; a prediction's id names the message that it follows.
    """
    settings, codec = deployment.settings, deployment.codec
    sent = {
        (f"{KIND}-{m.partition()}", m.offset()): m.timestamp()[1]
        for m in read_all(settings.bootstrap_servers, settings.topic(TELEMETRY_ACTIVITY.name))
        if any(
            e.kind == "LAUNCH"
            for e in codec.decode(TELEMETRY_ACTIVITY, m.value(), ActivityBatch).events
        )
    }
    first: dict[tuple[str, int], float] = {}
    for message in read_all(settings.bootstrap_servers, settings.topic(PREDICTIONS_PROGRAMS.name)):
        kind = PREDICTIONS_PROGRAMS.record
        assert kind is not None
        record = codec.decode(PREDICTIONS_PROGRAMS, message.value(), kind)
        source, (offset, _) = place_of(record.prediction_id)
        wait_s = (message.timestamp()[1] - sent[source, offset]) / 1000
        first[source, offset] = min(first.get((source, offset), wait_s), wait_s)
    assert first.keys() == sent.keys(), "every launch has its prediction"
    return sorted(first.values())

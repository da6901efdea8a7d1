"""`warmfront calendar import` on a real broker: forecasts issued before the event show it."""

import json
import subprocess
from datetime import UTC, datetime

import pytest

from schemas.records import DemandForecast
from schemas.topics import CALENDAR_EVENTS, FORECASTS_DEMAND
from streams.collect import TelemetryProducer
from tests.testkit.pipeline import REPOSITORY, Deployment, deployed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

HOUR_S = 3600
START_S = 1_750_000_000 // 86_400 * 86_400
HOURS = 30
EVENT_AT = HOURS + 6  # hours from the start

ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:t
BEGIN:VEVENT
UID:release
DTSTART:{start}
DURATION:PT2H
RRULE:FREQ=DAILY;COUNT=2
SUMMARY:Release
X-UPLIFT:5
END:VEVENT
END:VCALENDAR
"""


def utc(hour: int) -> str:
    return f"{datetime.fromtimestamp(START_S + hour * HOUR_S, UTC):%Y%m%dT%H%M%SZ}"


def run(deployment: Deployment, *arguments: str) -> dict:
    done = subprocess.run(
        deployment.command(*arguments, "--json"), cwd=REPOSITORY, env=deployment.environment,
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def newest_day(deployment: Deployment) -> DemandForecast | None:
    days = [
        record
        for _, record in deployment.records(FORECASTS_DEMAND)
        if (record.resource, record.horizon) == ("INSTANCES", "DAY")
    ]
    return max(days, key=lambda record: record.made_at, default=None)


def test_a_forecast_issued_before_an_imported_event_shows_it(
    kafka_bootstrap, registry_url, topic_prefix, tmp_path
) -> None:
    pools = tmp_path / "pools.toml"
    pools.write_text("[pool.default]\n")
    ics = tmp_path / "events.ics"
    ics.write_text(ICS.format(start=utc(EVENT_AT)))
    with deployed(
        kafka_bootstrap, registry_url, topic_prefix, tmp_path, user_partitions=1
    ) as deployment:
        deployment.settings.pools_file = pools
        first = run(deployment, "calendar", "import", str(ics))
        again = run(deployment, "calendar", "import", str(ics))
        assert (first["sent"], again["sent"]) == (2, 0)
        assert len(deployment.records(CALENDAR_EVENTS)) == 2
        deployment.start_worker()
        with TelemetryProducer(deployment.settings, "t") as telemetry:
            for hour in range(HOURS):
                for launch in range(10):
                    at = START_S + hour * HOUR_S + 300 * launch
                    telemetry.launch(f"user{launch}", "editor", float(at))
                telemetry.tick(float(START_S + (hour + 1) * HOUR_S + 120))

        def all_closed() -> bool:
            day = newest_day(deployment)
            return day is not None and day.made_at >= (START_S + HOURS * HOUR_S) * 1000

        deployment.wait_for(all_closed, "the last hour's forecast")
        median = [step.quantiles[3] for step in newest_day(deployment).steps]
        usual = sum(median[:4]) / 4
        assert usual > 5.0
        assert min(median[6:8]) > 3.0 * usual
        assert max(median[:6] + median[8:]) < 2.0 * usual

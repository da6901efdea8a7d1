"""A quiet month through all detectors of the pipeline stays within the alert budget."""

import json
import random

from schemas.records import Activity
from schemas.topics import ALERTS_ANOMALIES
from tests.testkit.office import HOUR_MS, PROGRAMS, START_MS, log_of, played

DAYS = 30
USERS = 5
LAUNCHES_A_DAY = 8


def month(seed: int) -> list[tuple[str, Activity]]:
    """People who do on each weekday what they did the day before, with some chance in it."""
    chance = random.Random(seed)
    rows = []
    for day in range(DAYS):
        for user in range(USERS) if day % 7 < 5 else ():
            for k in range(LAUNCHES_A_DAY):
                hour = 8 + k + chance.gauss(0, 0.3)
                program = PROGRAMS[(k + user) % len(PROGRAMS)]
                if chance.random() < 0.1:
                    program = chance.choice(PROGRAMS)
                time_ms = START_MS + day * 24 * HOUR_MS + round(hour * HOUR_MS)
                rows.append((f"user{user}", time_ms, program))
    rows.sort(key=lambda row: row[1])
    return [
        (user, Activity(seq=seq, time=time_ms, kind="LAUNCH", program=program))
        for seq, (user, time_ms, program) in enumerate(rows)
    ]


def test_a_quiet_month_opens_at_most_an_alert_a_day() -> None:
    alerts = played(log_of(month(1), 1), 1).records(ALERTS_ANOMALIES)
    opened = [a for a in alerts if json.loads(a.evidence)["change"] == "opened"]
    assert len(opened) <= DAYS
    assert len({a.alert_id for a in alerts}) == len(alerts)

"""The commands of docs/how-to/know-a-user.md, with a worker that has seen some days of people."""

import csv
import itertools
import json
import random
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local import spawn
from schemas.records import GroupProfile, UserProfile
from schemas.topics import PROFILES_GROUPS, PROFILES_USERS
from tests.testkit.pipeline import REPOSITORY, Deployment, deployed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(2400)]

USERS = 6
DAYS = 3
TIMES_A_DAY = 14
USUAL = 0.9


@pytest.fixture(scope="module")
def office(kafka_bootstrap, registry_url, tmp_path_factory) -> Iterator[Deployment]:
    """A worker that has replayed days up to now of people who open the editor after their mail."""
    folder = tmp_path_factory.mktemp("office")
    rows = folder / "office.csv"
    record(rows)
    with deployed(
        kafka_bootstrap, registry_url, f"know{time.time_ns()}.", folder, user_partitions=1
    ) as made:
        made.start_worker()
        with (folder / "replay.log").open("wb") as log:
            command = made.command("replay", str(rows), "--json", "--pace-timeout", "400")
            replay = spawn.spawn(command, output=log, env=made.environment, cwd=REPOSITORY)
        made.run_to_its_end(replay, 900)
        made.wait_for(lambda: len(newest(made)) == USERS, "a profile of everybody")
        # What they have in common is told after the hour that their profiles are of.
        made.wait_for(lambda: common(made) == USERS, "a profile of them all together")
        yield made


def record(path: Path) -> None:
    chance = random.Random(11)
    first_s = int(time.time()) // 3_600 * 3_600 - DAYS * 86_400
    rows = []
    for user, day, turn in itertools.product(range(USERS), range(DAYS), range(TIMES_A_DAY)):
        at_s = first_s + day * 86_400 + turn * 5_400 + chance.randrange(2_000)
        rows.append((f"user{user}", at_s, "mail"))
        then = "editor" if chance.random() < USUAL else "browser"
        rows.append((f"user{user}", at_s + chance.randrange(20, 200), then))
    with path.open("w", newline="") as out:
        csv.writer(out).writerows(
            [("user", "time", "program"), *sorted(rows, key=lambda row: row[1])]
        )


def run(made: Deployment, *arguments: str) -> str:
    done = subprocess.run(
        made.command(*arguments), cwd=REPOSITORY, capture_output=True, check=False, text=True,
        env={**made.environment, "PATH": "", "COLUMNS": "160"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def newest(made: Deployment) -> dict[str, UserProfile]:
    """The last profile on the topic of each user."""
    return {
        key: record
        for key, record in made.records(PROFILES_USERS)
        if isinstance(record, UserProfile)
    }


def common(made: Deployment) -> int | None:
    """How many users the last profile of all is of."""
    told = [record for key, record in made.records(PROFILES_GROUPS) if key == "all"]
    return told[-1].users if told and isinstance(told[-1], GroupProfile) else None


def told_of(made: Deployment, user: str, *more: str) -> tuple[UserProfile, str]:
    """A user's profile on the topic, and what the command says of that one and no other."""
    while True:
        on_topic = newest(made)[user]
        told = run(made, "profile", user, *more)
        if newest(made)[user] == on_topic:
            return on_topic, told


def test_a_profile_says_what_stands_on_the_topic(office: Deployment) -> None:
    for user in sorted(newest(office))[:2]:
        on_topic, said = told_of(office, user, "--json")
        told: dict[str, Any] = json.loads(said)
        assert told["user"] == user
        assert [(s["first"], s["then"], s["support"]) for s in told["sequences"]] == [
            (s.first, s.then, s.support) for s in on_topic.sequences
        ]
        assert {p["program"] for p in told["programs"]} == {p.program for p in on_topic.programs}


def test_people_read_sequences_week_and_programs(office: Deployment) -> None:
    profile, told = told_of(office, "user0")
    rule = next(r for r in profile.sequences if (r.first, r.then) == ("mail", "editor"))
    assert rule.low < rule.probability <= rule.high
    assert abs(rule.probability - USUAL) < 0.15
    assert DAYS * TIMES_A_DAY * 0.8 < rule.support <= DAYS * TIMES_A_DAY
    for day in ("Mon", "Sun"):
        assert day in told
    assert re.search(rf"mail.*editor within \d+ min.*\d+ ?% \(n = {rule.support},", told), told
    for used in profile.programs:
        assert used.program in told


def test_presence_tells_who_will_be_active(office: Deployment) -> None:
    told = json.loads(run(office, "presence", "--json"))
    assert {person["user"] for person in told["users"]} == set(newest(office))
    chances = [p for person in told["users"] for p in person["presence"] if p is not None]
    assert 0.5 < max(chances) <= 1


def test_a_group_shares_what_at_least_five_have(office: Deployment) -> None:
    (told,) = json.loads(run(office, "groups", "all", "--json"))
    assert told["users"] == USERS
    shared = {(rule["first"], rule["then"]): rule["users"] for rule in told["sequences"]}
    assert shared["mail", "editor"] >= 5
    assert all(users >= 5 for users in shared.values())

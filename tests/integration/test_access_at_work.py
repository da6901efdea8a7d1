"""Every process at work as its own user, with exactly the rules of its role: all goes through, and
the broker's authorizer has nothing to refuse."""

import json
import random
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from confluent_kafka import KafkaException

from allocator.worker import EXIT_START_AGAIN
from infra.local import spawn
from infra.local.ports import free_port
from schemas.records import AnomalyAlert
from schemas.topics import (
    ALERTS_ANOMALIES,
    ALERTS_FEEDBACK,
    ALLOCATION_REQUESTS,
    ANOMALIES_OBSERVED,
    CATALOGUE,
    DEMAND_OBSERVED,
    DEMAND_PARTIALS,
    FORECASTS_DEMAND,
    POPULATION_PARTIALS,
    RESERVE_STATUS,
    TELEMETRY_ACTIVITY,
    TELEMETRY_LATE,
    TELEMETRY_TICKS,
    dead_letters,
)
from streams.client import Instances, TelemetryProducer, follow_forecasts, follow_predictions
from streams.runtime.topic_reader import TopicUnreadableError, read_to_end
from tests.testkit.allocator_process import start_allocator
from tests.testkit.guarded import CANARY, SECRETS, Guarded
from tests.testkit.pipeline import REPOSITORY, START_S, Deployment, Waited, wait_for
from tests.testkit.receiver import Receiver, receiving
from tests.testkit.secured_kafka import secured_kafka

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

MINUTES, LAUNCHES_A_MINUTE = 12, 5
# Near now, as the collector's own heartbeats are: they would close the hours of months else.
FIRST_S = time.time() // 3600 * 3600 - 2 * 3600
POISON = b"\x00 no Avro"
# Whatever worker, allocator and alert sink bury what they can't use of.
BURIED = (
    TELEMETRY_ACTIVITY, TELEMETRY_TICKS, POPULATION_PARTIALS, DEMAND_OBSERVED, DEMAND_PARTIALS,
    ALERTS_FEEDBACK, ANOMALIES_OBSERVED, RESERVE_STATUS, ALLOCATION_REQUESTS, FORECASTS_DEMAND,
    ALERTS_ANOMALIES,
)  # fmt: skip
ALERT = AnomalyAlert(
    alert_id="i1/opened", incident_id="i1", subject="user/u1", kind="surprise",
    severity="WARNING", started_at=round(FIRST_S * 1000), observed=9.0, expected_low=0.0,
    expected_high=4.0, evidence="{}",
)  # fmt: skip
MAINTENANCE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:t
BEGIN:VEVENT
UID:maintenance
DTSTART:{start:%Y%m%dT%H%M%SZ}
DURATION:PT2H
SUMMARY:Maintenance
X-CAPACITY:0.5
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, registry_url: str) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("roles")
    with secured_kafka(tmp_path_factory.mktemp("guarded")) as kafka:
        made = Guarded(kafka, registry_url, "work.", folder)
        made.admit_roles()
        made.command("operator", "topics", "--create")
        yield made
        for process in made.processes.values():
            spawn.kill(process)


def test_all_processes_get_on_with_exactly_their_rules(guarded: Guarded) -> None:
    port = free_port()
    with receiving() as receiver:
        start_all(guarded, port, receiver)
        announce_maintenance(guarded)
        send_telemetry(guarded)
        tell_poison_and_an_alert(guarded)
        guarded.start("collector", "collect", "--every", "1", "--bring-near")
        wait_at_work(guarded, lambda: page(port, "pool-names"), "the page")
        ask_as_a_program(guarded)
        wait_at_work(guarded, lambda: receiver.posts, "the alert at its receiver")
        look_at_the_page(guarded, port)
        work_as_operator(guarded, port)
        supervise(guarded)
        assert guarded.ended() == {}
        look_for_secrets(guarded, receiver, port)
        stop_all(guarded)
    assert guarded.denied() == []
    look_for_secrets_in_logs(guarded)


def start_all(guarded: Guarded, port: int, receiver: Receiver) -> None:
    for start in STARTS.values():
        start(guarded)
    guarded.start("dashboard", "dashboard", "--port", str(port))
    guarded.more["WARMFRONT_ALERT_WEBHOOK"] = f"{receiver.url}/{CANARY}hook"
    guarded.start("alert-sink", "alert-sink")


def start_worker(guarded: Guarded) -> None:
    guarded.start("worker", "worker")


def start_the_allocator(guarded: Guarded) -> None:
    guarded.processes["allocator"] = start_allocator(
        guarded.settings("allocator"), environment=guarded.measured("allocator"),
        shadow_file=REPOSITORY / "infra" / "shadow.toml",
    )  # fmt: skip


# On a machine that stands still for longer than a session lasts they end, to be started again.
STARTS: dict[str, Callable[[Guarded], None]] = {
    "worker": start_worker, "allocator": start_the_allocator
}  # fmt: skip


def supervise(guarded: Guarded) -> None:
    """Start those again that ended to be started again, and no others."""
    for role, start in STARTS.items():
        if guarded.processes[role].poll() == EXIT_START_AGAIN:
            start(guarded)


def wait_at_work(guarded: Guarded, condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds, with a supervisor's eye on the processes."""

    def held() -> object:
        supervise(guarded)
        return condition()

    wait_for(held, Waited(what, lambda: said(guarded)), START_S)


def said(guarded: Guarded) -> str:
    """What each process said last."""
    return "\n".join(f"-- {role}\n{guarded.said(role)}" for role in guarded.processes)


def announce_maintenance(guarded: Guarded) -> None:
    file = guarded.folder / "maintenance.ics"
    file.write_text(MAINTENANCE.format(start=datetime.fromtimestamp(FIRST_S + 86_400, UTC)))
    guarded.command("operator", "calendar", "import", str(file))


def send_telemetry(guarded: Guarded) -> None:
    """Minutes of people at work, the heartbeats that close them, and an event that comes late."""
    chance = random.Random(3)
    with TelemetryProducer(guarded.settings("collector"), "desk") as producer:
        for minute in range(MINUTES):
            at_s = FIRST_S + 60.0 * minute
            for second in range(0, 60, 60 // LAUNCHES_A_MINUTE):
                user, program = f"user{chance.randrange(9)}", chance.choice(("mail", "git", "chat"))
                producer.launch(user, program, at_s + second)
            producer.flush()
            producer.tick(at_s + 60.0)
        producer.tick(FIRST_S + 3600.0 + 60.0 * MINUTES)
        producer.flush()
    with TelemetryProducer(guarded.settings("collector"), "asleep") as producer:
        producer.launch("user1", "mail", FIRST_S - 86_400.0)


def tell_poison_and_an_alert(guarded: Guarded) -> None:
    for topic in BURIED:
        guarded.tell("operator", topic, POISON)
    codec = Deployment(guarded.settings("operator")).codec
    guarded.tell("operator", ALERTS_ANOMALIES, codec.encode(ALERTS_ANOMALIES, ALERT))


def ask_as_a_program(guarded: Guarded) -> None:
    client = guarded.settings("client")
    assert next(follow_predictions(client, from_start=True)).after_program
    assert next(follow_forecasts(client, pool="office", from_start=True)).steps
    with Instances(client) as instances:
        instances.release(instances.request("ann", "mail", timeout_s=START_S))


def letters(guarded: Guarded) -> set[str]:
    """The dead letters, each as the operator names it."""
    return {
        row["letter"] for row in json.loads(guarded.command("operator", "dlq", "list", "--json"))
    }


def look_at_the_page(guarded: Guarded, port: int) -> None:
    for name in ("allocations", "predictions"):
        wait_at_work(guarded, lambda n=name: page(port, "summary").get(n), f"{name} on the page")
    buried = {topic.name for topic in BURIED}
    wait_at_work(guarded, lambda: set(letters_on_page(port)) == buried, "letters on the page")
    lag = lambda: page(port, "health").get("lag", {})  # noqa: E731
    wait_at_work(guarded, lambda: "groups" in lag(), "lags on the page")


def letters_on_page(port: int) -> Counter[str]:
    """How many dead letters of each topic the page shows."""
    return Counter(letter["topic"] for letter in page(port, "health").get("letters", []))


def page(port: int, path: str) -> dict:
    token = {"Authorization": f"Bearer {SECRETS['WARMFRONT_DASHBOARD_TOKEN']}"}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/api/{path}", headers=token)
    try:
        with urllib.request.urlopen(asked, timeout=30) as reply:
            return json.load(reply)
    except OSError:
        return {}


def work_as_operator(guarded: Guarded, port: int) -> None:
    """Each command that reads or writes something of its own."""
    operator = guarded.settings("operator")
    late = lambda: list(read_to_end(operator, TELEMETRY_LATE.name))  # noqa: E731
    wait_at_work(guarded, late, "what came late is set aside")
    ticks = lambda: [m.value() for m in read_to_end(operator, TELEMETRY_TICKS.name)]  # noqa: E731
    of_host = lambda: any(b"host-" in tick for tick in ticks())  # noqa: E731
    wait_at_work(guarded, of_host, "the collector's heartbeat")
    assert letters(guarded) == {f"{topic.name}/0" for topic in BURIED}
    guarded.command("operator", "dlq", "replay", f"{ALLOCATION_REQUESTS.name}/0")
    again = lambda: letters_on_page(port)[ALLOCATION_REQUESTS.name] == 2  # noqa: E731
    wait_at_work(guarded, again, "it comes back")
    guarded.command("operator", "alerts", "reject", ALERT.incident_id)
    assert guarded.command("operator", "forecast", "office")
    assert json.loads(
        guarded.command("operator", "forget", "user2", "--yes", "--delete-records", "--json")
    )["erased"]


def look_for_secrets(guarded: Guarded, receiver: Receiver, port: int) -> None:
    """None is in metrics, on the page, in settings shown, on any topic or among dead letters."""
    shown: dict[str, bytes] = {}
    wait_at_work(guarded, lambda: shown.update(guarded.shown()) or all(shown.values()), "all show")
    assert len(shown) >= 4 * 3
    assert sum(body.count(b"# HELP") for body in shown.values()) > 40
    shown |= {
        f"page {path}": json.dumps(page(port, path)).encode()
        for path in ("summary", "health", "decisions", "users")
    }
    shown["settings"] = guarded.command("operator", "config", "show", "--json").encode()
    operator = guarded.settings("operator")
    for topic in CATALOGUE:
        for message in read_to_end(operator, topic.name):
            parts = (message.key(), message.value(), repr(message.headers()).encode())
            shown[topic.name] = shown.get(topic.name, b"") + b" ".join(p or b"" for p in parts)
    assert {dead_letters(topic).name for topic in BURIED} <= shown.keys()
    assert [where for where, body in shown.items() if CANARY.encode() in body] == []
    headers = {name.lower(): value for name, value in receiver.posts[0][2].items()}
    assert headers["authorization"].endswith(SECRETS["WARMFRONT_ALERT_TOKEN"]), "they are in use"


def look_for_secrets_in_logs(guarded: Guarded) -> None:
    """None is in what processes say, from the start to the end, or leave in their state folders."""
    files = [file for file in guarded.folder.rglob("*") if file.is_file()]
    assert sum(file.suffix == ".log" and file.stat().st_size > 0 for file in files) >= 4
    assert [file for file in files if CANARY.encode() in file.read_bytes()] == []


def stop_all(guarded: Guarded) -> None:
    """End each as a supervisor does: what is done at the end needs rights as well."""
    for process in guarded.processes.values():
        process.send_signal(signal.SIGTERM)
    ends = Waited("the end of all", lambda: said(guarded))
    wait_for(lambda: len(guarded.ended()) == len(guarded.processes), ends, START_S)
    codes = {role: process.wait() for role, process in guarded.processes.items()}
    # The page's server, uvicorn, shuts down in order and then ends by the signal.
    assert codes.pop("dashboard") == -signal.SIGTERM
    assert set(codes.values()) == {0}, (codes, said(guarded))


def test_what_is_refused_would_have_been_seen(guarded: Guarded) -> None:
    before = len(guarded.denied())
    with pytest.raises((TopicUnreadableError, KafkaException)) as refusal:
        list(read_to_end(guarded.settings("client"), TELEMETRY_ACTIVITY.name))
    assert CANARY not in str(refusal.value)
    said = guarded.denied()[before:]
    assert said
    assert all("User:client" in line for line in said)

"""What others have named acts on no terminal, whichever command shows it."""

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from schemas.codec import Codec, MemoryIds
from schemas.records import (
    AllocationEvent,
    AnomalyAlert,
    CalendarEvent,
    GroupProfile,
    GroupSequence,
    ProgramUse,
    ReserveAction,
    ReserveStatus,
    Sequence,
    Transition,
    UserProfile,
)
from schemas.topics import (
    ALERTS_ANOMALIES,
    ALLOCATION_EVENTS,
    CALENDAR_EVENTS,
    FORECASTS_DEMAND,
    PROFILES_GROUPS,
    PROFILES_USERS,
    RESERVE_ACTIONS,
    RESERVE_STATUS,
    TELEMETRY_ACTIVITY,
    Topic,
    dead_letters,
)
from streams.cli import build
from streams.runtime.terminal import Terminal
from tests.unit.test_fan_charts import forecast

REPOSITORY = Path(__file__).parents[2]
# Markup that ends nothing, the screen cleared in two ways, a line begun again, the text turned
# around, a bell by code, a command that the terminal is to type.
ACTING = "\x1b\x9b\r\x07\u202e\x7f"
NAME = "[/x]\x1b[2J\x9b2J\r\x07\u202e\x7f:bell:\x1b]0;title\x1b\\"
NOW_MS = 1_750_000_000_000


@dataclass
class Message:
    """What a consumer gives of a message."""

    value_bytes: bytes | None
    key_bytes: bytes = NAME.encode()
    header_list: list[tuple[str, bytes]] = field(default_factory=list)

    def value(self) -> bytes | None:
        return self.value_bytes

    def key(self) -> bytes:
        return self.key_bytes

    def headers(self) -> list[tuple[str, bytes]]:
        return self.header_list

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 0


STATUS = ReserveStatus(
    pool=NAME, time=NOW_MS, target=1, ready=1, building=0, leased=0, cap=2, hits=0, misses=0,
    hit_rate=1.0, target_hit_rate=0.9, idle_instance_hours=0.0, lead_time_s=1.0, reason=NAME,
    flags=[NAME],
)  # fmt: skip
RECORDS: dict[Topic, msgspec.Struct] = {
    PROFILES_USERS: UserProfile(
        user=NAME, updated_at=2**42, launches=3, zone=NAME, week_rates=[0.5] * 168,
        programs=[ProgramUse(program=NAME, launches=3, share=0.5, data_refs=[NAME])],
        sequences=[Sequence(
            first=NAME, then=NAME, window_s=300, probability=0.5, low=0.1, high=0.9, support=9
        )],
        transitions=[Transition(
            first=NAME, then=NAME, count=9, share=0.5, gap_s_p10=1.0, gap_s_p50=2.0, gap_s_p90=3.0,
            gap_shares=[],
        )],
        presence_24h=[0.5] * 24, session_starts_24h=[0.5] * 24,
    ),
    PROFILES_GROUPS: GroupProfile(
        group=NAME, updated_at=NOW_MS, floor=5, users=9,
        sequences=[GroupSequence(
            first=NAME, then=NAME, window_s=300, probability=0.5, low=0.1, high=0.9, support=9,
            users=6,
        )],
    ),
    ALERTS_ANOMALIES: AnomalyAlert(
        alert_id=NAME, incident_id=NAME, subject=NAME, kind=NAME, severity="WARNING",
        started_at=NOW_MS, observed=9.0, expected_low=0.0, expected_high=4.0,
        evidence=msgspec.json.encode({"what": NAME}).decode(),
    ),
    CALENDAR_EVENTS: CalendarEvent(
        event_id=NAME, kind="OTHER", title=NAME, start=2**42, end=2**42 + 1, pool=NAME
    ),
    RESERVE_STATUS: STATUS,
    RESERVE_ACTIONS: ReserveAction(
        action_id=NAME, pool=NAME, time=NOW_MS, verb="CREATE", instance_id=NAME, intent_id=NAME,
        outcome="FAILED", reason=NAME, error=NAME,
    ),
    ALLOCATION_EVENTS: AllocationEvent(
        event_id=NAME, request_id=NAME, kind="ASSIGNED", pool=NAME, instance_id=NAME, tier=NAME,
        time=NOW_MS, reason=NAME, user=NAME,
    ),
    FORECASTS_DEMAND: forecast(NAME[:10]),  # a longer one has no room above the chart

}  # fmt: skip
LETTER = Message(b"x", header_list=[("__connect.errors.exception.message", NAME.encode())])
COMMANDS = (
    ["profile", NAME], ["presence", "--at", "2109-05-15T07:35:11"], ["groups"], ["groups", NAME],
    ["alerts"], ["alerts", "--follow"], ["calendar", "list", "--all"], ["explain", NAME],
    ["forecast", "--horizon", "day"], ["dlq", "list"], ["profile", f"nobody{NAME}"],
    ["explain", f"none{NAME}"],
)  # fmt: skip


@pytest.fixture
def _topics(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, RECORDS)


def give(monkeypatch: pytest.MonkeyPatch, records: dict[Topic, msgspec.Struct]) -> None:
    """Topics on which every name is hostile, and a message that is no Avro."""
    ids = MemoryIds()
    told = {t.name: Codec(ids).encode(t, record) for t, record in records.items()}

    def messages(_settings: Any, name: str, _way_back: int | None = None) -> list[Message]:
        if name == dead_letters(TELEMETRY_ACTIVITY).name:
            return [LETTER]
        return [Message(told[name]), Message(NAME.encode())] if name in told else []

    monkeypatch.setattr("streams.cli.shown.RegistryIds.of", lambda _: ids)
    for name in ("shown.read_to_end", "shown.read_on", "dlq.read_to_end"):
        monkeypatch.setattr(f"streams.cli.{name}", messages)


@pytest.mark.usefixtures("_topics")
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda a: "-".join(a)[:20].split("[")[0])
def test_hostile_names_are_shown_as_text(arguments: list[str]) -> None:
    done = CliRunner().invoke(build(arguments), arguments, env={"COLUMNS": "2000"})
    assert done.exit_code in {0, 3}, (done.output, done.exception)
    assert "[/x]" in done.output, "the name is shown"
    assert {character for character in done.output if character in ACTING} == set()


@pytest.mark.parametrize("follow", [[], ["--follow"]], ids=["table", "follow"])
@pytest.mark.parametrize(
    ("evidence", "shown"),
    [
        ("none\x1b[2J", "none�[2"),
        ("", ""),
        ('["a list"]', '["a list"]'),
        ('{"what": ["a list"]}', "['a list']"),
        ('{"what": "half \\ud83d"}', "half �"),
        ("[" * 100_000, "[[[["),
    ],
    ids=["no-json", "empty", "list", "what-is-a-list", "half-a-character", "deep"],
)
def test_an_alert_is_shown_whatever_its_evidence(monkeypatch, evidence, shown, follow) -> None:
    alert = msgspec.structs.replace(
        RECORDS[ALERTS_ANOMALIES], evidence=evidence, subject="who", started_at=2**62
    )
    give(monkeypatch, {ALERTS_ANOMALIES: alert})
    done = CliRunner().invoke(build(["alerts"]), ["alerts", *follow], env={"COLUMNS": "2000"})
    assert done.exit_code == 0, (done.output, done.exception)
    assert "who" in done.output
    assert shown in done.output
    assert str(2**62) in done.output, "a time that no calendar has"
    assert {character for character in done.output if character in ACTING} == set()


@pytest.mark.parametrize(
    ("arguments", "topic", "times"),
    [
        (["calendar", "list", "--all"], CALENDAR_EVENTS, ["start", "end"]),
        (["explain", NAME], ALLOCATION_EVENTS, ["time"]),
        (["explain", NAME], RESERVE_STATUS, ["time"]),
        (["profile", NAME], PROFILES_USERS, ["updated_at", "next_session_at"]),
        (["forecast", "--horizon", "day"], FORECASTS_DEMAND, ["made_at"]),
    ],
    ids=["calendar", "event", "status", "profile", "forecast"],
)
def test_a_time_that_no_calendar_has_is_shown_as_a_number(
    monkeypatch, arguments, topic, times
) -> None:
    changed = msgspec.structs.replace(RECORDS[topic], **dict.fromkeys(times, 2**62))
    give(monkeypatch, {**RECORDS, topic: changed})
    done = CliRunner().invoke(build(arguments), arguments, env={"COLUMNS": "2000"})
    assert done.exit_code == 0, (done.output, done.exception)
    assert str(2**62) in done.output


def test_no_command_has_a_console_of_richs_own() -> None:
    files = [f for room in ("streams", "allocator") for f in (REPOSITORY / room).rglob("*.py")]
    made = {file.name: makes_a_console(file) for file in files}
    assert {name for name, found in made.items() if found} == {"terminal.py"}


def makes_a_console(file: Path) -> bool:
    names = (n for node in ast.walk(ast.parse(file.read_text()))
             if isinstance(node, ast.ImportFrom) and str(node.module).startswith("rich")
             for n in node.names)  # fmt: skip
    return any(name.name in {"Console", "print", "get_console"} for name in names)


def test_colours_and_what_rich_says_to_the_terminal_still_work(capsys) -> None:
    console = Terminal(force_terminal=True, color_system="standard")
    console.error(NAME)
    console.clear()
    said = capsys.readouterr().out
    assert said.startswith("\x1b[31merror:\x1b[0m")
    assert ":bell:" in said, "an emoji is made of no name"
    assert said.count("\x1b") == 2 + 2, "two of the colour, two of clearing; none of the name"

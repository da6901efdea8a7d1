"""What the page keeps is bounded, counts nothing twice, and its figures are those of the topics."""

import msgspec
import pytest
from starlette.testclient import TestClient

from schemas.codec import Codec, MemoryIds
from schemas.records import (
    AllocationEvent,
    Candidate,
    DemandForecast,
    ProgramPrediction,
    ReserveAction,
    ReserveStatus,
    ShadowEvent,
    Step,
    Tick,
)
from schemas.settings import Settings
from streams.dashboard import calibration, known, reserves
from streams.dashboard.calibration import Track
from streams.dashboard.feed import Feed
from streams.dashboard.letters import Letters
from streams.dashboard.server import UnsafeAddressError, checked_token, make_server

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
MAP_STYLES = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53"


@pytest.fixture
def feed() -> Feed:
    return Feed(Settings(user_partitions=1), Codec(MemoryIds()))


@pytest.fixture
def page(feed: Feed) -> TestClient:
    return TestClient(make_server(feed))


def status(pool: str = "build", time: int = 1, **fields: object) -> ReserveStatus:
    usual = {
        "target": 3, "ready": 2, "building": 1, "leased": 4, "cap": 9, "hits": 8, "misses": 2,
        "hit_rate": 0.8, "target_hit_rate": 0.9, "idle_instance_hours": 1.5, "lead_time_s": 90.0,
        "reason": "because",
    }  # fmt: skip
    return ReserveStatus(pool=pool, time=time, **usual | fields)


def prediction(
    number: int, after: str, said: dict[str, float], user: str = "ada"
) -> ProgramPrediction:
    candidates = [
        Candidate(program=name, p_next=p, p_1m=p, p_5m=p, p_15m=p, p_60m=p)
        for name, p in said.items()
    ]
    return ProgramPrediction(
        prediction_id=f"p{number}", user=user, after_program=after, made_at=number * MINUTE_MS,
        candidates=candidates, model="m",
    )  # fmt: skip


def test_the_target_band_is_that_of_the_last_hour(feed: Feed, page: TestClient) -> None:
    for minute, target in ((0, 9), (30, 2), (90, 5), (120, 4)):
        feed.take(status(time=minute * MINUTE_MS, target=target))
    row = page.get("/api/pools").json()["rows"][0]
    assert (row["target"], row["target_low"], row["target_high"]) == (4, 4, 5)
    history = page.get("/api/pool", params={"pool": "build"}).json()["history"]
    assert [h["target"] for h in history] == [9, 2, 5, 4]


def test_an_older_status_changes_nothing_and_a_repeat_is_one(feed: Feed, page: TestClient) -> None:
    feed.take(status(time=5 * MINUTE_MS, target=7))
    feed.take(status(time=2 * MINUTE_MS, target=1))
    feed.take(status(time=5 * MINUTE_MS, target=7))
    found = page.get("/api/pool", params={"pool": "build"}).json()
    assert found["now"]["target"] == 7
    assert len(found["history"]) == 1


def test_pools_below_their_target_come_first(feed: Feed, page: TestClient) -> None:
    feed.take(status("good", hit_rate=0.95))
    feed.take(status("bad", hit_rate=0.5))
    feed.take(status("unasked", hits=0, misses=0, hit_rate=1.0))
    rows = page.get("/api/pools", params={"sort": "attention"}).json()["rows"]
    assert [row["pool"] for row in rows] == ["bad", "good", "unasked"]
    assert page.get("/api/summary").json()["totals"]["below_target"] == 1


def test_pages_are_cut_and_searched_on_the_server(feed: Feed, page: TestClient) -> None:
    for number in range(60):
        feed.take(status(f"pool-{number:02d}"))
    answer = page.get("/api/pools", params={"offset": 50, "limit": 25}).json()
    assert (answer["total"], len(answer["rows"])) == (60, 10)
    found = page.get("/api/pools", params={"q": "pool-17"}).json()
    assert [row["pool"] for row in found["rows"]] == ["pool-17"]
    for wrong in ({"limit": "many"}, {"limit": "100000"}, {"offset": "-1"}):
        assert page.get("/api/pools", params=wrong).status_code == 400


def test_memory_is_bounded_whatever_comes(feed: Feed) -> None:
    for minute in range(3 * reserves.HISTORY):
        feed.take(status(time=minute * MINUTE_MS, target=minute))
    pool = feed.known.reserves.get("build")
    assert pool is not None
    assert len(pool.rows()) == reserves.HISTORY
    for number in range(known.RECENT + 50):
        feed.take(prediction(number, "mail", {"browser": 1.0}, f"user-{number}"))
        feed.take(Tick(source=f"s{number}", time=number, partition=0))
    assert len(feed.known.predictions) == known.RECENT
    assert len(feed.known.sources) == known.SOURCES_KEPT
    letters = Letters()
    for number in range(500):
        letters.take("telemetry.activity.dead-letter", number, number, [])
    assert [letter["time"] for letter in letters.shown()] == list(range(499, 299, -1))


def test_transitions_are_counted_once_with_what_was_said_of_them(
    feed: Feed, page: TestClient
) -> None:
    said = {"browser": 0.7, "editor": 0.2}
    for number, after in enumerate(("mail", "browser", "mail", "editor")):
        record = prediction(number, after, said)
        feed.take(record)
        feed.take(record)
    found = page.get("/api/flow").json()
    pairs = {(p["first"], p["then"]): (p["count"], p["said"]) for p in found["pairs"]}
    assert pairs == {
        ("mail", "browser"): (1, 0.7), ("browser", "mail"): (1, 0.0), ("mail", "editor"): (1, 0.2),
    }  # fmt: skip
    assert found["transitions"] == 3
    assert found["first_right"] == pytest.approx(1 / 3)
    assert page.get("/api/flow", params={"user": "nobody"}).json()["pairs"] == []


def test_past_forecasts_are_judged_once_each() -> None:
    track = Track(levels=[0.05, 0.5, 0.95], kept=10)
    for hour, value in ((1, 4.0), (2, 40.0), (3, 5.0)):
        track.expect(hour * HOUR_MS, [1.0, 5.0, 10.0])
        track.came(hour * HOUR_MS, value)
        track.came(hour * HOUR_MS, value)
    shown = track.shown()
    assert shown["n"] == 3
    assert shown["observed"] == pytest.approx([0.0, 2 / 3, 2 / 3])
    assert shown["within90"] == pytest.approx(2 / 3)
    assert [past["median"] for past in shown["past"]] == [5.0, 5.0, 5.0]


def test_what_came_before_its_forecast_was_read_is_judged_too(feed: Feed) -> None:
    lead = calibration.LEAD_STEPS["DAY"]
    feed.known.actuals.series = lambda *_: [(HOUR_MS, 3.0)]  # type: ignore[method-assign]
    steps = [Step(time=(1 + n) * HOUR_MS, quantiles=[1.0, 2.0, 4.0]) for n in range(lead)]
    feed.take(
        DemandForecast(
            forecast_id="f", pool="build", resource="INSTANCES", unit="launches", made_at=HOUR_MS,
            horizon="DAY", step_s=3600, steps=steps, levels=[0.05, 0.5, 0.95],
            peak=[1.0, 2.0, 4.0], model="m",
        )
    )  # fmt: skip
    shown = feed.known.calibration.shown("build", "INSTANCES", "DAY", 3600)
    assert shown is not None
    assert (shown["n"], shown["lead_s"], shown["within90"]) == (1, 3600, 1.0)


def test_a_decision_is_explained_by_what_it_rested_on(feed: Feed, page: TestClient) -> None:
    feed.take(status(time=MINUTE_MS, target=5, reason="a calm morning"))
    feed.take(status(time=9 * MINUTE_MS, target=8, reason="a crowd"))
    feed.take(prediction(2, "editor", {"compiler": 0.8}))
    action = ReserveAction(
        action_id="a1", pool="build", time=2 * MINUTE_MS, verb="CREATE", instance_id="vm-1",
        intent_id="i-1", outcome="DONE", reason="below target",
    )  # fmt: skip
    run = ShadowEvent(
        event_id="s1", pool="build", time=3 * MINUTE_MS, kind="STARTED", user="ada",
        program="compiler", instance_id="vm-1", probability=0.8, value=2.0, reason="worth it",
    )  # fmt: skip
    for record in (action, run, run):
        feed.take(record)
    found = page.get("/api/explain", params={"id": "shadow/s1"}).json()
    assert found["decision"]["reason"] == "worth it"
    assert found["reserve"]["reason"] == "a calm morning"
    assert found["prediction"]["candidates"][0]["program"] == "compiler"
    assert [told["what"] for told in found["story"]] == ["create done", "shadow started"]
    targets = page.get("/api/decisions", params={"sort": "target"}).json()
    assert [row["what"] for row in targets["rows"]] == ["target 8", "target 5"]
    assert page.get("/api/explain", params={"id": "shadow/s2"}).status_code == 404


def test_a_decision_is_told_with_the_forecast_that_was_in_force(
    feed: Feed, page: TestClient
) -> None:
    for minute, value in ((0, 1.0), (5, 2.0), (10, 3.0)):
        steps = [Step(time=(minute + n) * MINUTE_MS, quantiles=[value]) for n in range(60)]
        feed.take(
            DemandForecast(
                forecast_id=f"f{minute}", pool="build", resource="INSTANCES", unit="launches",
                made_at=minute * MINUTE_MS, horizon="HOUR", step_s=60, steps=steps, levels=[0.5],
                peak=[value], model="m",
            )
        )  # fmt: skip
    feed.take(status(time=7 * MINUTE_MS))
    found = page.get("/api/explain", params={"id": f"target/build@{7 * MINUTE_MS}"}).json()
    assert found["forecast"]["made_at"] == 5 * MINUTE_MS
    assert [step["quantiles"] for step in found["forecast"]["steps"]] == [[2.0]] * 5
    assert found["forecast"]["steps"][0]["time"] == 7 * MINUTE_MS


def test_a_forgotten_user_is_nowhere(feed: Feed, page: TestClient) -> None:
    for number, user in enumerate(("ada", "bob", "ada", "bob")):
        feed.take(prediction(number, f"p{number}", {"browser": 0.7}, user))
    for user in ("ada", "bob"):
        run = ShadowEvent(
            event_id=f"s-{user}", pool="build", time=1, kind="STARTED", user=user,
            program="compiler", probability=0.8, value=2.0, reason="worth it",
        )  # fmt: skip
        event = AllocationEvent(
            event_id=f"e-{user}", kind="ASSIGNED", pool="build", time=1, reason="warm", user=user
        )
        feed.take(run)
        feed.take(event)
    feed.known.forget("ada")
    for path in ("summary", "flow", "shadow", "decisions", "users", "health"):
        text = page.get(f"/api/{path}").text
        assert "ada" not in text, path
    assert "bob" in page.get("/api/decisions").text


def test_synthetic_sources_are_named(feed: Feed, page: TestClient) -> None:
    feed.take(Tick(source="host-a", time=1, partition=0))
    assert page.get("/api/summary").json()["synthetic"] == []
    feed.take(Tick(source="synthetic-0123", time=2, partition=0))
    assert page.get("/api/summary").json()["synthetic"] == ["synthetic-0123"]


def test_dead_letters_tell_reasons_and_no_content() -> None:
    letters = Letters()
    headers = [("__connect.errors.exception.message", b"magic byte 9, not 0")]
    letters.take("telemetry.activity.dead-letter", 4, 1, headers)
    letter = letters.shown()[0]
    assert letter["letter"] == "telemetry.activity/4"
    assert letter["reason"] == "magic byte 9, not 0"
    assert "value" not in letter


def test_other_sites_pages_are_refused(page: TestClient) -> None:
    foreign = (
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"}, {"origin": "null"},
    )  # fmt: skip
    for headers in foreign:
        for path in ("/api/summary", "/events", "/api/profile?user=ada"):
            assert page.get(path, headers=headers).status_code == 403
    reply = page.get("/api/summary", headers={"sec-fetch-site": "same-origin"})
    assert reply.status_code == 200
    assert "access-control-allow-origin" not in reply.headers
    assert reply.headers["x-frame-options"] == "DENY"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert reply.headers["cache-control"] == "no-store"


def test_with_a_token_only_who_has_it_reads(feed: Feed) -> None:
    app = make_server(feed, token="open-sesame")
    stranger = TestClient(app, follow_redirects=False)
    assert stranger.get("/api/summary").status_code == 401
    assert stranger.get("/events").status_code == 401
    assert stranger.get("/").headers["location"] == "/sign-in"
    bearer = {"authorization": "Bearer open-sesame"}
    assert stranger.get("/api/summary", headers=bearer).status_code == 200
    wrong = {"authorization": "Bearer open-sesam"}
    assert stranger.get("/api/summary", headers=wrong).status_code == 401
    refused = stranger.post("/sign-in", data={"token": "guess"})
    assert "set-cookie" not in refused.headers
    known_now = stranger.post("/sign-in", data={"token": "open-sesame"})
    cookie = known_now.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "open-sesame" not in cookie
    assert stranger.get("/api/summary").status_code == 200
    assert stranger.post("/sign-in", data={"token": "x" * 9000}).status_code == 413


def test_an_open_address_needs_a_token() -> None:
    with pytest.raises(UnsafeAddressError, match="WARMFRONT_DASHBOARD_TOKEN"):
        checked_token(Settings(dashboard_host="0.0.0.0"))
    assert checked_token(Settings(dashboard_host="0.0.0.0", dashboard_token="t")) == "t"


def test_plotly_is_asked_for_again_only_when_it_changed(page: TestClient) -> None:
    first = page.get("/static/plotly.min.js")
    again = page.get("/static/plotly.min.js", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert b"plotly" in first.content[:200]
    marks = page.get("/").text
    for name in ("plotly.js-style-global", MAP_STYLES):
        assert f'id="{name}"' in marks
        bare = name.removesuffix("global")
        assert bare.encode() in first.content, "the library no longer looks for this id"


def test_hostile_names_go_out_as_data(feed: Feed, page: TestClient) -> None:
    name = "</script><script>alert(1)</script>"
    feed.take(status(name))
    reply = page.get("/api/pools")
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.json()["rows"][0]["pool"] == name
    assert msgspec.json.decode(reply.content)["rows"][0]["pool"] == name

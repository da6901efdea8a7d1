"""The page in a real browser, over a real Kafka: it shows what the topics say, and only that."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka import Producer
from playwright.sync_api import Browser, expect

from infra.local import spawn
from infra.local.ports import answers, free_port
from schemas.records import AnomalyAlert, DemandForecast, ReserveStatus, ShadowEvent, UserProfile
from schemas.topics import (
    ALERTS_ANOMALIES,
    CARRYING_RECORDS,
    FORECASTS_DEMAND,
    PROFILES_USERS,
    RESERVE_STATUS,
    SHADOW_EVENTS,
    TELEMETRY_ACTIVITY,
    dead_letters,
)
from tests.browser.chromium import VIEWS, Watched, chromium
from tests.browser.scene import HOSTILE, scene
from tests.testkit.pipeline import REPOSITORY, Deployment, deployed, wait_for

pytestmark = pytest.mark.timeout(900)

TOPIC_OF = {topic.record: topic for topic in CARRYING_RECORDS}
KEY_FIELDS = ("pool", "user", "subject")


@pytest.fixture(scope="module")
def deployment(
    kafka_bootstrap: str, registry_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    prefix = f"page{free_port()}."
    folder = tmp_path_factory.mktemp("page")
    with deployed(
        kafka_bootstrap, registry_url, prefix, folder, user_partitions=1, pool_partitions=2
    ) as made:
        _publish(made)
        yield made


@pytest.fixture(scope="module")
def address(deployment: Deployment) -> Iterator[str]:
    port = free_port()
    log = deployment.settings.state_dir / "dashboard.log"
    command = deployment.command("dashboard", "--port", str(port))
    with log.open("wb") as out:
        page = spawn.spawn(command, output=out, env=deployment.environment, cwd=REPOSITORY)
    try:
        wait_for(lambda: answers(port) or page.poll() is not None, "it answers", timeout_s=400)
        assert page.poll() is None, f"the page's process ended: {page.poll()}\n{log.read_text()}"
        yield f"http://127.0.0.1:{port}"
    finally:
        spawn.kill(page)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module", params=["light", "dark"])
def watched(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Watched]:
    page = Watched(browser, address, request.param)
    page.open()
    # Not wait_for_function: it evaluates strings, which the page's policy forbids.
    state = page.page.locator("#state")
    expect(state).not_to_have_text(re.compile("reading back|connecting"), timeout=180_000)
    with closing(page.page.context):
        yield page


def _publish(deployment: Deployment) -> None:
    settings, codec = deployment.settings, deployment.codec
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    for record in scene(round(time.time() * 1000)):
        topic = TOPIC_OF[type(record)]
        key = next((getattr(record, name) for name in KEY_FIELDS if hasattr(record, name)), None)
        producer.produce(settings.topic(topic.name), codec.encode(topic, record), key)
        producer.poll(0)
    letter = settings.topic(dead_letters(TELEMETRY_ACTIVITY).name)
    headers = [("__connect.errors.exception.message", b"magic byte 9, not 0")]
    producer.produce(letter, b"\x09secret-payload", b"somebody", headers=headers)
    assert producer.flush(60) == 0


def newest(deployment: Deployment, topic: object) -> list[object]:
    return [record for _, record in deployment.records(topic)]


def test_every_view_is_shown_without_errors_and_without_leaving_the_machine(
    watched: Watched,
) -> None:
    hindrances = {}
    for view in VIEWS:
        watched.show(view)
        watched.page.wait_for_timeout(500)
        watched.picture(view)
        hindrances[view] = watched.hindrances()
    assert watched.errors == []
    assert watched.outside() == []
    assert {view: found for view, found in hindrances.items() if found} == {}


def test_details_are_shown_without_errors(watched: Watched) -> None:
    page = watched.show("now", "?pool=build")
    page.wait_for_selector("section[aria-label='Pool build'] .main-svg")
    watched.picture("now-pool")
    for resource, horizon in (("CPU", "WEEK"), ("MEMORY", "HOUR")):
        watched.show("forecast", f"?pool=build&resource={resource}&horizon={horizon}")
        watched.picture(f"forecast-{horizon.lower()}")
    watched.show("explain")
    page.click("table a:has-text('assigned')")
    page.wait_for_selector("section[aria-label='Its story']")
    watched.picture("explain-one")
    assert watched.hindrances() == []
    assert watched.errors == []
    assert watched.outside() == []


def test_the_reserve_shown_is_the_newest_status_of_each_pool(
    watched: Watched, deployment: Deployment
) -> None:
    newest_of: dict[str, ReserveStatus] = {}
    for status in newest(deployment, RESERVE_STATUS):
        if status.pool not in newest_of or newest_of[status.pool].time <= status.time:
            newest_of[status.pool] = status
    watched.show("now")
    shown = {row[0]: row for row in watched.cells("Reserve of each pool")}
    assert shown.keys() == newest_of.keys()
    for pool, status in newest_of.items():
        row = shown[pool]
        fields = ("target", "ready", "building", "paused", "shelved", "leased", "cap")
        assert [row[1], *row[3:9]] == [str(getattr(status, name)) for name in fields]
        assert row[9:11] == [str(status.hits), str(status.misses)]
        assert row[14] == status.reason


def test_the_forecast_shown_is_the_newest_on_the_topic(
    watched: Watched, deployment: Deployment
) -> None:
    forecasts = [
        f
        for f in newest(deployment, FORECASTS_DEMAND)
        if isinstance(f, DemandForecast)
        and (f.pool, f.resource, f.horizon) == ("build", "INSTANCES", "DAY")
    ]
    last = max(forecasts, key=lambda f: f.made_at)
    watched.show("forecast", "?pool=build&resource=INSTANCES&horizon=DAY")
    rows = watched.cells("Forecast")
    assert len(rows) == len(last.steps)
    for row, step in zip(rows, last.steps, strict=True):
        shown = [float(text.replace(",", "")) for text in row[1:]]
        assert shown == pytest.approx(step.quantiles, rel=1e-3)


def test_the_alerts_the_profile_and_the_shadow_runs_are_those_of_the_topics(
    watched: Watched, deployment: Deployment
) -> None:
    alerts: list[AnomalyAlert] = newest(deployment, ALERTS_ANOMALIES)
    watched.show("alerts")
    shown = watched.cells("Incidents, newest first")
    expected = sorted(alerts, key=lambda alert: -alert.started_at)
    assert [row[8] for row in shown] == [alert.evidence for alert in expected]
    profiles: list[UserProfile] = newest(deployment, PROFILES_USERS)
    profile = next(p for p in profiles if p.user == "person-01")
    watched.show("person", "?user=person-01")
    week = watched.cells("Expected launches by hour")
    rates = [float(value) for row in week for value in row[1:]]
    assert rates == pytest.approx(profile.week_rates, abs=0.006)
    events: list[ShadowEvent] = newest(deployment, SHADOW_EVENTS)
    watched.show("shadow")
    hits = sum(event.kind == "HIT" for event in events)
    assert watched.page.inner_text("dl:has(dt:text-is('Used')) dd").startswith(str(hits))


def test_dead_letters_are_named_and_not_shown(watched: Watched) -> None:
    page = watched.show("health")
    page.wait_for_selector("td:has-text('magic byte 9, not 0')")
    assert "secret-payload" not in page.content()


def test_synthetic_data_says_so(watched: Watched) -> None:
    badge = watched.page.locator("#synthetic")
    assert badge.inner_text() == "synthetic data"
    assert badge.is_visible()


def test_a_hostile_name_stays_a_name(watched: Watched) -> None:
    page = watched.show("flow")
    page.click("summary")
    assert page.locator(f"a:text-is({json.dumps(HOSTILE)})").count() > 0
    assert page.locator("img[src='x']").count() == 0
    assert (
        page.locator("a[href*='evil.example']").evaluate_all(
            "all => all.filter(a => a.host !== location.host).length"
        )
        == 0
    )
    assert watched.errors == []


def test_everything_is_reached_by_keyboard(watched: Watched) -> None:
    page = watched.open()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.dataset.view ?? document.activeElement.id")
        )
    assert reached >= {*VIEWS, "theme"}
    page.focus("a[data-view=alerts]")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-shown=alerts]")
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_theme_is_chosen_by_hand_and_kept(watched: Watched) -> None:
    page = watched.open()
    ground = "getComputedStyle(document.body).backgroundColor"
    other = {"light": "dark", "dark": "light"}[watched.theme]
    before = page.evaluate(ground)
    while page.inner_text("#theme") != f"Theme: {other}":
        page.click("#theme")
    assert page.evaluate(ground) != before
    page.reload()
    assert page.inner_text("#theme") == f"Theme: {other}"
    assert page.evaluate(ground) != before
    page.evaluate("localStorage.clear()")

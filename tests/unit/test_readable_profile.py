"""What a person's profile says, from events through the fold to the record on profiles.users."""

import random

import numpy as np
import pytest

from schemas.topics import PREDICTIONS_PROGRAMS
from tests.testkit.people import HOUR_MS, START_MS, World, event, waiting_life

DAY_S = 86_400.0


def test_consumption_of_each_resource_and_the_duration_come_out_as_they_went_in() -> None:
    world = World()
    rng = random.Random(1)
    taken = {"cpu": [], "memory": [], "storage": [], "disk": [], "network": [], "duration": []}
    for run in range(200):
        at, lasts = run * 900.0, rng.lognormvariate(5.0, 0.4)
        values = [rng.lognormvariate(mu, 0.3) for mu in (0.0, 21.0, 23.0, 13.0, 12.0)]
        world.send("ada", event("LAUNCH", at))
        world.send(
            "ada",
            event(
                "SAMPLE", at + 1.0, cpu_cores=values[0], memory_bytes=round(values[1]),
                storage_bytes=round(values[2]), disk_bytes_per_s=values[3],
                network_bytes_per_s=values[4],
            ),
        )  # fmt: skip
        world.send("ada", event("EXIT", at + lasts))
        for name, value in zip(taken, [*values, lasts], strict=True):
            taken[name].append(value)
    world.tick(START_MS + 60 * HOUR_MS)
    (use,) = world.published("ada").programs
    said = {
        "cpu": (use.cpu_cores_p50, use.cpu_cores_p95),
        "memory": (use.memory_bytes_p50, use.memory_bytes_p95),
        "storage": (use.storage_bytes_p50, use.storage_bytes_p95),
        "disk": (use.disk_bytes_per_s_p50, use.disk_bytes_per_s_p95),
        "network": (use.network_bytes_per_s_p50, use.network_bytes_per_s_p95),
        "duration": (use.duration_s_p50, use.duration_s_p95),
    }
    for name, (p50, p95) in said.items():
        assert p50 == pytest.approx(np.quantile(taken[name], 0.5), rel=0.15), name
        assert p95 == pytest.approx(np.quantile(taken[name], 0.95), rel=0.25), name


def test_a_rare_program_takes_after_what_it_takes_of_everybody() -> None:
    """One sample of 8 cores, of a program that takes 1 core of everybody else: shrunk to them."""
    world = World()
    for k in range(60):
        for sample in range(20):
            world.send(f"user{k % 12}", event("SAMPLE", k * 60 + sample, "render", cpu_cores=1.0))
    world.tick(START_MS + 2 * HOUR_MS)
    world.send("new", event("LAUNCH", 2 * 3600.0 + 600.0, "render"))
    world.send("new", event("SAMPLE", 2 * 3600.0 + 601.0, "render", cpu_cores=8.0))
    world.send("new", event("SAMPLE", 2 * 3600.0 + 602.0, "own", cpu_cores=8.0))
    world.send("new", event("LAUNCH", 2 * 3600.0 + 603.0, "own"))
    uses = {u.program: u for u in world.profile("new", START_MS + 3 * HOUR_MS).programs}
    assert uses["render"].cpu_cores_p50 == pytest.approx(1.0, rel=0.2)
    assert uses["own"].cpu_cores_p50 == pytest.approx(8.0, rel=0.2)


def test_a_prediction_names_the_data_that_the_next_program_touches() -> None:
    """The editor always opens one file, every second run another; the player plays a third."""
    world = World()
    for run in range(60):
        at = run * 300.0
        world.send("ada", event("LAUNCH", at, "editor"))
        world.send("ada", event("ACCESS", at + 1.0, "editor", data_ref="a" * 16))
        if run % 2:
            world.send("ada", event("ACCESS", at + 2.0, "editor", data_ref="b" * 16))
        world.send("ada", event("LAUNCH", at + 60.0, "player"))
        world.send("ada", event("ACCESS", at + 61.0, "player", data_ref="c" * 16))
    after_player = [p for p in world.records(PREDICTIONS_PROGRAMS) if p.after_program == "player"][
        -1
    ]
    by_program = {c.program: c.data_refs for c in after_player.candidates}
    assert by_program == {"editor": ["a" * 16, "b" * 16], "player": ["c" * 16]}
    assert after_player.candidates[0].program == "editor"
    touched = {t.data_ref: t.p for t in after_player.data}
    assert touched["a" * 16] > 0.8
    assert touched["b" * 16] == pytest.approx(0.5, abs=0.25)
    uses = {u.program: u for u in world.profile("ada", START_MS + 6 * HOUR_MS).programs}
    assert [t.data_ref for t in uses["player"].data] == ["c" * 16]


def profiles_of_waiting(truths: list[float], waits: int, **how: object) -> list:
    world = World()
    rows = [
        (f"user{k}", e)
        for k, true in enumerate(truths)
        for e in waiting_life(true, waits, seed=k, **how)  # type: ignore[arg-type]
    ]
    world.play(rows)
    end_ms = START_MS + (2 * waits + 2) * HOUR_MS
    world.tick(end_ms)
    return [world.profile(f"user{k}", end_ms) for k in range(len(truths))]


def test_sensitivity_to_waiting_is_found_on_people_whose_true_one_is_known() -> None:
    rng = random.Random(3)
    truths = [rng.gammavariate(2.0, 0.5) for _ in range(24)]
    profiles = profiles_of_waiting(truths, 60)
    said = [p.sensitivity for p in profiles]
    ranks = [np.argsort(np.argsort(values)) for values in (truths, said)]
    assert np.corrcoef(*ranks)[0, 1] > 0.7
    covered = [
        p.sensitivity_low <= true <= p.sensitivity_high
        for p, true in zip(profiles, truths, strict=True)
    ]
    assert np.mean(covered) > 0.75


def test_sensitivity_is_told_per_program() -> None:
    (profile,) = profiles_of_waiting([1.0], 200, factors=(0.3, 3.0))
    uses = {u.program: u for u in profile.programs}
    patient, hurried = uses["program0"], uses["program1"]
    assert patient.sensitivity_low < patient.sensitivity < hurried.sensitivity
    assert patient.sensitivity_high < hurried.sensitivity_high

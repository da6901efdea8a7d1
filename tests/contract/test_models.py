"""What every model promises: round trip, determinism, bounded state, event-time order, no crash."""

import importlib.util
import random
import sys
from pathlib import Path

import pytest


def _registry():
    """Import models.py from beside this file: tests are no package."""
    path = Path(__file__).with_name("models.py")
    spec = importlib.util.spec_from_file_location("contract_models", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


MODELS = _registry()
EACH = pytest.mark.parametrize("case", MODELS.CASES, ids=lambda case: case.name)


def _events(length, seed, programs=12):
    rng = random.Random(seed)
    time_s = 1_700_000_000.0
    for k in range(length):
        time_s += rng.expovariate(1 / 400.0) if k % 40 else rng.uniform(0, 3e5)
        value = rng.lognormvariate(0.0, 1.0)
        yield MODELS.Event(time_s, rng.randrange(1, programs + 1), value, k % 5 == 0)


def _feed(case, model, events):
    for event in events:
        case.feed(model, event)
    return model


@EACH
@pytest.mark.parametrize("length", [0, 1, 2, 57, 1500])
def test_a_round_trip_loses_nothing_and_what_is_learnt_after_it_is_the_same(case, length):
    kind = case.make
    model = _feed(case, kind(), _events(length, seed=1))
    data = model.to_bytes()
    restored = kind.from_bytes(data)
    assert restored == model
    assert restored.to_bytes() == data
    _feed(case, model, _events(300, seed=2))
    _feed(case, restored, _events(300, seed=2))
    assert restored.to_bytes() == model.to_bytes()


@EACH
def test_saving_between_any_two_events_changes_nothing(case):
    steady, saved = case.make(), case.make()
    for event in _events(200, seed=3):
        case.feed(steady, event)
        saved = case.make.from_bytes(saved.to_bytes())
        case.feed(saved, event)
    assert saved.to_bytes() == steady.to_bytes()


@EACH
def test_the_same_events_give_the_same_bytes(case):
    left = _feed(case, case.make(), _events(500, seed=4))
    right = _feed(case, case.make(), _events(500, seed=4))
    assert left.to_bytes() == right.to_bytes()
    assert left.to_bytes() != case.make().to_bytes()


@EACH
def test_state_is_bounded(case):
    programs = 200 if case.name != "consumption counts" else 12
    model = _feed(case, case.make(), _events(6000, seed=5, programs=programs))
    assert len(model.to_bytes()) <= case.max_bytes


@EACH
def test_late_events_are_taken_in_and_survive_a_round_trip(case):
    """An event up to the allowed lateness (60 s) behind, or days behind, breaks nothing."""
    model, rng = case.make(), random.Random(6)
    for event in _events(400, seed=6):
        late_s = rng.choice((0.0, 0.0, 30.0, 60.0, 200_000.0))
        late = MODELS.Event(event.time_s - late_s, event.program, event.value, event.launch)
        case.feed(model, late)
    assert case.make.from_bytes(model.to_bytes()) == model


@EACH
def test_another_version_is_refused(case):
    data = bytearray(_feed(case, case.make(), _events(30, seed=9)).to_bytes())
    data[_version_at(data)] = 99
    with pytest.raises(ValueError):  # noqa: PT011 - each says it in its own words
        case.make.from_bytes(bytes(data))


def _version_at(data):
    """Return where the version is: first, or first in an array of MessagePack."""
    if data[0] == 0xDC:
        return 3
    return 1 if data[0] & 0xF0 == 0x90 else 0


@pytest.mark.parametrize("case", [c for c in MODELS.CASES if c.framed], ids=lambda case: case.name)
def test_cut_bytes_are_refused(case):
    data = _feed(case, case.make(), _events(60, seed=7)).to_bytes()
    for end in range(0, len(data), 1 + len(data) // 1000):
        with pytest.raises(ValueError):  # noqa: PT011 - whichever check sees it first
            case.make.from_bytes(data[:end])
    with pytest.raises(ValueError):  # noqa: PT011
        case.make.from_bytes(data + b"\0")


@EACH
def test_altered_bytes_are_refused_or_give_a_model_that_works(case):
    data = _feed(case, case.make(), _events(60, seed=8)).to_bytes()
    rng = random.Random(8)
    for _ in range(300):
        at = rng.randrange(len(data))
        altered = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        _works_or_is_refused(case, altered)


@EACH
def test_random_bytes_and_other_versions_are_refused(case):
    data = _feed(case, case.make(), _events(60, seed=9)).to_bytes()
    rng = random.Random(9)
    for blob in (b"", b"\xff" + data[1:], rng.randbytes(40), b"\x01" + rng.randbytes(40)):
        with pytest.raises(ValueError):  # noqa: PT011
            case.make.from_bytes(blob)


def _works_or_is_refused(case, data):
    try:
        model = case.make.from_bytes(data)
    except ValueError:
        return
    try:
        _feed(case, model, _events(20, seed=10))
        case.make.from_bytes(model.to_bytes())
    except (ValueError, OverflowError):  # absurd numbers, refused later
        return

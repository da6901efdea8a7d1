"""Properties of the River adapters: any finite history is saved exactly."""

from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift, stats

from streams.models.river import dump, load

NUMBERS = st.lists(st.floats(-1e9, 1e9), max_size=60)


@settings(max_examples=50)
@given(NUMBERS, NUMBERS, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_statistics_go_on_as_if_never_saved(before, after, factor):
    for make in (stats.Mean, stats.Var, lambda: stats.EWMean(factor), lambda: stats.EWVar(factor),
                 lambda: stats.Quantile(0.9)):  # fmt: skip
        original = make()
        for x in before:
            original.update(x)
        restored = load(dump(original))
        for x in after:
            original.update(x)
            restored.update(x)
        assert repr(restored.get()) == repr(original.get())


@settings(max_examples=30)
@given(NUMBERS, NUMBERS, st.integers(1, 9), st.integers(1, 40))
def test_drift_detectors_go_on_as_if_never_saved(before, after, max_buckets, clock):
    for original in (
        drift.ADWIN(delta=0.2, max_buckets=max_buckets, clock=clock, grace_period=1),
        drift.PageHinkley(min_instances=3, threshold=10.0),
    ):
        for x in before:
            original.update(x)
        restored = load(dump(original))
        for x in after:
            original.update(x)
            restored.update(x)
            assert restored.drift_detected == original.drift_detected


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(data):
    try:
        load(data)
    except ValueError:
        return

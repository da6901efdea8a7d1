"""Properties of the data access model: probabilities, bounds."""

from hypothesis import given
from hypothesis import strategies as st

from streams.models.dataaccess import DataAccess

EVENTS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 2**64 - 1) | st.integers(0, 6)),
    max_size=200,
)


@given(EVENTS)
def test_every_answer_is_a_probability_and_state_is_bounded(events):
    access = DataAccess(max_programs=4, refs_per_program=3)
    for launch, program, ref in events:
        if launch:
            access.observe_launch(program)
        else:
            access.observe_access(program, ref)
    for program in range(6):
        refs = access.refs(program)
        assert len(refs) <= 3
        assert all(0.0 <= p <= 1.0 for _, p in refs)
        assert refs == sorted(refs, key=lambda row: (-row[1], row[0]))
    assert len(access.to_bytes()) <= 4 + 4 * (6 + 3 * 11)
    assert DataAccess.from_bytes(access.to_bytes()) == access

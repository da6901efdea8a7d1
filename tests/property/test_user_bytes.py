"""What is kept of a user's last encoding never goes stale, and states come back equal."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.pipeline.user import User
from tests.testkit.office import activities
from tests.testkit.people import World


def encoded_anew(user: User) -> bytes:
    user.by_person = None
    for delta in user.open_hours.values():
        delta.by_person = None
    return user.to_bytes()


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 60))
def test_saving_after_any_event_writes_what_encoding_everything_would(
    seed: int, count: int
) -> None:
    world = World()
    for name, event in activities(seed, count, users=2):
        world.send(name, event)
        saved = world.users.saved[name]
        user = world.users.get(name)
        assert user is not None
        assert saved == encoded_anew(user)
        assert User.from_bytes(saved).to_bytes() == saved

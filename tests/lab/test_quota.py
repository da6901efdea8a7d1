"""A burst over the quota is refused at once, or accepted and then an ERROR: never granted."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from allocator.cloud.protocol import CloudError
from allocator.machine.observed import Answer, CloudStatus
from infra.openstack_lab.furnishing import QUOTA
from tests.lab.conftest import spec, wait_until

ALLOWED, ASKED = 2, 6


@pytest.fixture
def small_quota(admin, member):
    project = member.current_project_id
    admin.compute.update_quota_set(project, instances=ALLOWED)
    yield
    admin.compute.update_quota_set(project, **QUOTA)


def test_a_race_for_the_quota_never_ends_above_it(cloud, small_quota) -> None:
    assert cloud.quota_left() <= ALLOWED

    def ask(number: int) -> str | CloudError:
        try:
            return cloud.create(spec(f"quota-{number}"))
        except CloudError as error:
            return error

    with ThreadPoolExecutor(ASKED) as threads:
        ends = list(threads.map(ask, range(ASKED)))
    refused = [end for end in ends if isinstance(end, CloudError)]
    accepted = [end for end in ends if isinstance(end, str)]
    assert all(error.answer is Answer.REFUSED and error.is_quota for error in refused)
    done = {CloudStatus.ACTIVE, CloudStatus.ERROR}
    found = wait_until(
        lambda: (x := [cloud.get(a) for a in accepted]) and all(o.status in done for o in x) and x,
        240, "all to be decided",
    )  # fmt: skip
    broken = [x for x in found if x.status is CloudStatus.ERROR]
    assert len(found) - len(broken) == ALLOWED
    assert all(x.is_capacity for x in broken), broken
    assert len(refused) + len(broken) == ASKED - ALLOWED, "no call was over the quota"

"""A burst over the quota is refused at once, or accepted and then an ERROR: never granted.

Nova counts before it accepts and again once it has written an instance down. Of a burst that it has
written down whole before the second count, it grants none at all.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from allocator.cloud.protocol import CloudError
from allocator.machine.observed import Answer, CloudStatus
from infra.openstack_lab.furnishing import QUOTA
from tests.lab.conftest import spec, wait_gone, wait_until
from tests.lab.refusals import refusal

ALLOWED, ASKED = 2, 6


@pytest.fixture
def small_quota(admin, member):
    project = member.current_project_id
    admin.compute.update_quota_set(project, instances=ALLOWED)
    yield
    admin.compute.update_quota_set(project, **QUOTA)


def test_a_race_for_the_quota_never_ends_above_it(cloud, make, small_quota) -> None:
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
        400, "all to be decided",
    )  # fmt: skip
    broken = [x for x in found if x.status is CloudStatus.ERROR]
    granted = len(found) - len(broken)
    assert granted <= ALLOWED
    assert all(x.is_capacity for x in broken), broken

    # Once the broken ones are deleted, all that is allowed can be had, and no more.
    for instance in broken:
        cloud.delete(instance.instance_id)
    for instance in broken:
        wait_gone(cloud, instance.instance_id)
    for number in range(granted, ALLOWED):
        make(f"later-{number}")
    assert cloud.quota_left() == 0
    error = refusal(cloud.create, spec("one-more"))
    assert (error.answer, error.is_quota) == (Answer.REFUSED, True)

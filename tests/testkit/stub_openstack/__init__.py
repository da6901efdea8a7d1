"""A small OpenStack on a loopback port: what tests of the allocator's cloud talk HTTP to."""

from tests.testkit.stub_openstack.faults import HttpFault, Mishap
from tests.testkit.stub_openstack.server import StubOpenStack

__all__ = ["HttpFault", "Mishap", "StubOpenStack"]

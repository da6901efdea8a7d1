"""A real OpenStack, as the allocator's `Cloud`."""

from allocator.cloud.openstack.cloud import OpenStackCloud
from allocator.cloud.openstack.session import CloudConfigError, connect

__all__ = ["CloudConfigError", "OpenStackCloud", "connect"]

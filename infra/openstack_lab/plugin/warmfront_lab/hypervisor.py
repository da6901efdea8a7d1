"""Nova's own fake driver, with what it lacks for tests of an allocator.

Guests outlive nova-compute, states can be seen, snapshots end, operations can be slow or fail. Each
has a disk, a host key and a console, so that an SSH server can stand in for it.
"""

import io
import os

import nova.conf
from nova import exception
from nova.compute import power_state
from nova.image import glance
from nova.scheduler.client import report
from nova.virt import fake

from warmfront_lab.faults import inject
from warmfront_lab.guests import GuestFile
from warmfront_lab.machines import MachineFolders

# The resource tracker asks placement for the allocations of each instance of the host at every
# claim: n requests for the n-th instance, used for reshapes and PCI devices only, which a fake
# host has not. 9,099 requests for 190 claims were measured.
report.SchedulerReportClient.get_allocations_for_provider_tree = lambda self, context, nodename: {}


class LabDriver(fake.FakeDriverWithoutFakeNodes):
    """A hypervisor without machines."""

    vcpus = 1000
    memory_mb = 800_000
    local_gb = 60_000

    def __init__(self, virtapi, read_only=False):
        super().__init__(virtapi, read_only)
        self._guests = GuestFile(os.path.join(nova.conf.CONF.state_path, "guests.json"))
        self._machines = MachineFolders(os.path.join(nova.conf.CONF.state_path, "guests"))

    def init_host(self, host):
        super().init_host(host)
        for uuid, (name, state) in self._guests.read().items():
            self.instances[uuid] = fake.FakeInstance(name, state, uuid)

    # Named as Nova names them: a build passes them by place, an unshelve by name.
    def spawn(
        self, context, instance, image_meta, injected_files, admin_password, allocations,
        network_info=None, *args, **kwargs,
    ):  # fmt: skip
        inject("spawn", self._host)
        super().spawn(
            context, instance, image_meta, injected_files, admin_password, allocations,
            network_info, *args, **kwargs,
        )  # fmt: skip
        self._machines.boot(instance.uuid, addresses_of(network_info))
        self._keep()

    def destroy(self, context, instance, *args, **kwargs):
        inject("destroy", self._host)
        super().destroy(context, instance, *args, **kwargs)
        self._machines.remove(instance.uuid)
        self._keep()

    def get_console_output(self, context, instance):
        return self._machines.console(instance.uuid)

    def pause(self, instance):
        self._become("pause", instance, power_state.PAUSED)

    def unpause(self, instance):
        self._become("unpause", instance, power_state.RUNNING)

    def suspend(self, context, instance):
        self._become("suspend", instance, power_state.SUSPENDED)

    def resume(self, context, instance, network_info, *args, **kwargs):
        self._become("resume", instance, power_state.RUNNING)

    def power_off(self, instance, timeout=0, retry_interval=0):
        self._become("power_off", instance, power_state.SHUTDOWN)

    def power_on(self, context, instance, *args, **kwargs):
        self._become("power_on", instance, power_state.RUNNING)

    def snapshot(self, context, instance, image_id, update_task_state):
        """Upload a body: the fake driver leaves the image queued for ever."""
        inject("snapshot", self._host)
        super().snapshot(context, instance, image_id, update_task_state)
        images = glance.API()
        meta = images.get(context, image_id)
        described = {
            "name": meta["name"],
            "disk_format": "raw",
            "container_format": "bare",
            "properties": meta.get("properties", {}),
        }
        images.update(context, image_id, described, io.BytesIO(bytes(512)))

    def _become(self, operation, instance, state):
        inject(operation, self._host)
        if instance.uuid not in self.instances:
            raise exception.InstanceNotFound(instance_id=instance.uuid)
        self.instances[instance.uuid].state = state
        self._keep()

    def _keep(self):
        held = list(self.instances.items())
        self._guests.write({uuid: (guest.name, guest.state) for uuid, guest in held})


def addresses_of(network_info):
    """Return a guest's fixed addresses."""
    return [ip["address"] for vif in network_info or [] for ip in vif.fixed_ips()]

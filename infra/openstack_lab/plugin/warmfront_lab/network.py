"""Binds every port on every host without an agent, and takes bandwidth rules for granted."""

import uuid

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.db import constants as db_constants
from neutron_lib.plugins.ml2 import api
from neutron_lib.services.qos import base
from neutron_lib.services.qos import constants as qos

ANY_RATE = {"type:range": [0, db_constants.DB_INTEGER_MAX_VALUE]}
ANY_DIRECTION = {"type:values": constants.VALID_DIRECTIONS}
RULES = {
    qos.RULE_TYPE_BANDWIDTH_LIMIT: {
        qos.MAX_KBPS: ANY_RATE,
        qos.MAX_BURST: ANY_RATE,
        qos.DIRECTION: ANY_DIRECTION,
    },
    qos.RULE_TYPE_MINIMUM_BANDWIDTH: {qos.MIN_KBPS: ANY_RATE, qos.DIRECTION: ANY_DIRECTION},
}


class LabMechanismDriver(api.MechanismDriver):
    """What a network agent would tell, told without one. Nothing is shaped."""

    def initialize(self):
        self.qos_driver = base.DriverBase(
            name="warmfront_lab",
            vif_types=[portbindings.VIF_TYPE_OVS, portbindings.VIF_TYPE_UNBOUND],
            vnic_types=[portbindings.VNIC_NORMAL],
            supported_rules=RULES,
            requires_rpc_notifications=False,
        )

    @property
    def connectivity(self):
        return portbindings.CONNECTIVITY_L2

    @property
    def resource_provider_uuid5_namespace(self):
        return uuid.UUID("7f0ce65c-1f13-11e9-8921-3c6aa7b21d18")

    @property
    def supported_vnic_types(self):
        return [portbindings.VNIC_NORMAL]

    def get_standard_device_mappings(self, agent):
        return {}

    def responsible_for_ports_allocation(self, context):
        return True

    def filter_hosts_with_segment_access(self, context, segments, candidate_hosts, agent_getter):
        return set(candidate_hosts)

    def bind_port(self, context):
        for segment in context.segments_to_bind:
            context.set_binding(
                segment[api.ID],
                portbindings.VIF_TYPE_OVS,
                {portbindings.CAP_PORT_FILTER: True},
                status=constants.PORT_STATUS_ACTIVE,
            )
            return

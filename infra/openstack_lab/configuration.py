"""The services' configuration: small, on loopback, quick to notice a dead host."""

import shutil

from infra.openstack_lab import ini
from infra.openstack_lab.environment import DRIVER
from infra.openstack_lab.layout import PASSWORD, Lab

Options = dict[str, object]


def write_all(lab: Lab) -> None:
    """Write every file, and the folders they name."""
    for folder in ("images", "images-tasks", "images-staging", "lock", "nova", "neutron"):
        (lab.state / folder).mkdir(parents=True, exist_ok=True)
    for write in (_keystone, _placement, _glance, _nova, _computes, _neutron, _clouds):
        write(lab)


def keystone_url(lab: Lab) -> str:
    """Return keystone's address."""
    return f"http://127.0.0.1:{lab.ports.keystone}/v3"


def _service_user(lab: Lab) -> Options:
    return {
        "auth_type": "password", "auth_url": keystone_url(lab), "username": "svc",
        "password": PASSWORD, "project_name": "service", "user_domain_name": "Default",
        "project_domain_name": "Default", "region_name": "RegionOne",
    }  # fmt: skip


def _tokens(lab: Lab) -> Options:
    return _service_user(lab) | {
        "www_authenticate_uri": keystone_url(lab),
        "service_token_roles": "service",
        "service_token_roles_required": True,
    }


def _messages(lab: Lab) -> str:
    return f"rabbit://guest:guest@127.0.0.1:{lab.ports.rabbitmq}/"


QUEUES: Options = {
    "rabbit_quorum_queue": False, "rabbit_transient_quorum_queue": False,
    "amqp_durable_queues": False,
}  # fmt: skip


def _keystone(lab: Lab) -> None:
    keys = lab.etc / "keystone"
    ini.write(
        keys / "keystone.conf",
        {
            "DEFAULT": {"log_file": lab.logs / "keystone.log"},
            "database": {"connection": lab.database("keystone")},
            "token": {"provider": "fernet", "expiration": 86400},
            "fernet_tokens": {"key_repository": keys / "fernet"},
            "credential": {"key_repository": keys / "credential"},
            "identity": {"password_hash_rounds": 4},
            "cache": {"enabled": True, "backend": "dogpile.cache.memory"},
        },
    )


def _placement(lab: Lab) -> None:
    ini.write(
        lab.etc / "placement" / "placement.conf",
        {
            "DEFAULT": {"log_file": lab.logs / "placement.log"},
            "placement_database": {"connection": lab.database("placement")},
            "api": {"auth_strategy": "keystone"},
            "keystone_authtoken": _tokens(lab),
        },
    )


def _glance(lab: Lab) -> None:
    url = f"http://127.0.0.1:{lab.ports.glance}"
    paste = lab.etc / "glance" / "glance-api-paste.ini"
    ini.write(
        lab.etc / "glance" / "glance-api.conf",
        {
            "DEFAULT": {
                "log_file": lab.logs / "glance.log", "enabled_backends": "file:file",
                "public_endpoint": url, "worker_self_reference_url": url,
            },
            "database": {"connection": lab.database("glance")},
            "glance_store": {"default_backend": "file"},
            "file": {"filesystem_store_datadir": lab.state / "images"},
            "os_glance_tasks_store": {"filesystem_store_datadir": lab.state / "images-tasks"},
            "os_glance_staging_store": {"filesystem_store_datadir": lab.state / "images-staging"},
            "paste_deploy": {"flavor": "keystone", "config_file": paste},
            "oslo_concurrency": {"lock_path": lab.state / "lock"},
            "keystone_authtoken": _tokens(lab),
        },
    )  # fmt: skip
    given = (lab.venv / "etc" / "glance" / "glance-api-paste.ini").read_text()
    paste.write_text(given.replace("/etc/glance/", f"{lab.etc}/glance/"))


def _nova(lab: Lab) -> None:
    folder = lab.etc / "nova"
    database = {"max_pool_size": 20, "max_overflow": 30}
    ini.write(
        folder / "nova.conf",
        {
            "DEFAULT": {
                "state_path": lab.state / "nova", "transport_url": _messages(lab),
                "my_ip": "127.0.0.1", "host": "ctl", "compute_driver": f"{DRIVER}.LabDriver",
                "vif_plugging_is_fatal": False, "vif_plugging_timeout": 0,
                # A dead host is noticed in 30 s (production: 60). With 10 s, hosts on a machine
                # under a load of 40 were "down" again and again.
                "report_interval": 5, "service_down_time": 30,
                # Else the scheduler looks for new hosts only after up to a random minute.
                "periodic_fuzzy_delay": 0,
                "update_resources_interval": 30, "sync_power_state_interval": 60,
                "shelved_offload_time": 0, "running_deleted_instance_poll_interval": 15,
                "running_deleted_instance_timeout": 10, "heal_instance_info_cache_interval": -1,
                "reclaim_instance_interval": 0, "rpc_response_timeout": 60,
                "osapi_max_limit": 1000,
            },
            "api_database": {"connection": lab.database("nova_api"), **database},
            "database": {"connection": lab.database("nova"), **database},
            "api": {"auth_strategy": "keystone"},
            "wsgi": {"api_paste_config": folder / "api-paste.ini"},
            "conductor": {"workers": 1},
            "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": 5},
            "filter_scheduler": {
                "enabled_filters": "ComputeFilter,ImagePropertiesFilter",
                "build_failure_weight_multiplier": 0,
                # Else nearly all go to one host: 118 of 121 did.
                "host_subset_size": len(lab.hosts), "shuffle_best_same_weighed_hosts": True,
            },
            "oslo_messaging_notifications": {"driver": "noop"},
            "vnc": {"enabled": False},
            "oslo_concurrency": {"lock_path": lab.state / "lock"},
            "oslo_policy": {"policy_file": folder / "policy.yaml"},
            "oslo_messaging_rabbit": QUEUES,
            "keystone_authtoken": _tokens(lab),
            "service_user": {**_service_user(lab), "send_service_user_token": True},
            "placement": _service_user(lab), "glance": _service_user(lab),
            "neutron": _service_user(lab),
        },
    )  # fmt: skip
    # What docs/how-to/openstack.md asks an operator to allow the allocator's user.
    (folder / "policy.yaml").write_text(
        '"os_compute_api:servers:show:host_status:unknown-only": "rule:project_reader_or_admin"\n'
        '"os_compute_api:os-server-diagnostics": "rule:project_reader_or_admin"\n'
    )
    shutil.copy(lab.venv / "etc" / "nova" / "api-paste.ini", folder / "api-paste.ini")


def _computes(lab: Lab) -> None:
    for host in lab.hosts:
        state = lab.state / f"nova-{host}"
        state.mkdir(exist_ok=True)
        ini.write(
            lab.etc / "nova" / host / "compute.conf",
            {"DEFAULT": {"host": host, "state_path": state}},
        )


def _neutron(lab: Lab) -> None:
    folder = lab.etc / "neutron"
    ini.write(
        folder / "neutron.conf",
        {
            "DEFAULT": {
                "state_path": lab.state / "neutron", "log_file": lab.logs / "neutron.log",
                "transport_url": _messages(lab), "core_plugin": "ml2",
                "service_plugins": "qos,segments,placement", "auth_strategy": "keystone",
                "api_paste_config": folder / "api-paste.ini",
                "notify_nova_on_port_status_changes": True,
                "notify_nova_on_port_data_changes": True, "dhcp_agent_notification": False,
                "api_workers": 1, "rpc_workers": 0,
            },
            "database": {"connection": lab.database("neutron")},
            "ml2": {
                "type_drivers": "local,flat,vlan,vxlan", "tenant_network_types": "vxlan",
                "mechanism_drivers": "warmfront_lab", "extension_drivers": "port_security,qos",
            },
            "ml2_type_vlan": {"network_vlan_ranges": "physnet0:100:2000"},
            "ml2_type_vxlan": {"vni_ranges": "1:20000"},
            "oslo_concurrency": {"lock_path": lab.state / "lock"},
            "quotas": {"quota_port": 5000},
            "oslo_messaging_rabbit": QUEUES,
            "keystone_authtoken": _tokens(lab),
            "nova": _service_user(lab), "placement": _service_user(lab),
        },
    )  # fmt: skip
    given = (lab.venv / "etc" / "neutron" / "api-paste.ini").read_text()
    (folder / "api-paste.ini").write_text(
        given.replace("/var/lib/neutron/", f"{lab.state / 'neutron'}/")
    )


def _clouds(lab: Lab) -> None:
    entries = "".join(
        f"  {name}:\n"
        f'    auth: {{auth_url: "{keystone_url(lab)}", username: {user}, password: {PASSWORD},\n'
        f"      project_name: {user}, user_domain_name: Default, project_domain_name: Default}}\n"
        "    region_name: RegionOne\n"
        for name, user in (("lab-admin", "admin"), ("lab", "demo"))
    )
    lab.clouds_yaml.write_text(f"clouds:\n{entries}")

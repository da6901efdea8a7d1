"""What the lab runs."""

import os

from infra.openstack_lab import packages
from infra.openstack_lab.layout import Lab
from infra.openstack_lab.processes import Program


def mariadb(lab: Lab) -> Program:
    """Return the database: nothing is lost by a kill, only by a power cut."""
    return Program(
        "mariadb",
        [
            packages.find("mariadbd") or "mariadbd", "--no-defaults", *as_this_user(),
            f"--datadir={lab.state / 'mysql'}", "--socket=lab.sock", "--bind-address=127.0.0.1",
            f"--port={lab.ports.mariadb}", f"--init-file={lab.state / 'init.sql'}",
            "--skip-log-bin", "--skip-name-resolve", "--performance-schema=OFF",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0",
            "--innodb-flush-method=nosync", "--innodb-buffer-pool-size=192M",
            "--innodb-log-file-size=16M", "--max-connections=1000",
            "--character-set-server=utf8mb3",
        ],
        lab.ports.mariadb,
    )  # fmt: skip


def as_this_user() -> list[str]:
    """Return what makes MariaDB run as root where we are root: its files are ours."""
    return ["--user=root"] if os.geteuid() == 0 else []


def epmd(lab: Lab) -> Program:
    """Return Erlang's port mapper."""
    return Program("epmd", [packages.find("epmd") or "epmd"], lab.ports.epmd, _erlang(lab))


def rabbitmq(lab: Lab) -> Program:
    """Return the message broker."""
    folder = lab.state / "rabbitmq"
    return Program(
        "rabbitmq",
        [str(packages.RABBITMQ)],
        lab.ports.rabbitmq,
        {
            **_erlang(lab), "HOME": str(folder), "RABBITMQ_NODENAME": "lab@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(lab.ports.rabbitmq),
            "RABBITMQ_DIST_PORT": str(lab.ports.erlang),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
        },
    )  # fmt: skip


def apis(lab: Lab) -> list[Program]:
    """Return the API servers, keystone first."""
    etc, ports = lab.etc, lab.ports
    return [
        _api(lab, "keystone-api", ports.keystone, "keystone.wsgi.api", 8,
             OS_KEYSTONE_CONFIG_FILES=f"{etc}/keystone/keystone.conf"),
        _api(lab, "placement-api", ports.placement, "placement.wsgi.api", 8,
             OS_PLACEMENT_CONFIG_DIR=f"{etc}/placement"),
        _api(lab, "glance-api", ports.glance, "glance.wsgi.api", 8,
             OS_GLANCE_CONFIG_DIR=f"{etc}/glance"),
        _api(lab, "neutron-api", ports.neutron, "neutron.wsgi.api", 8,
             OS_NEUTRON_CONFIG_DIR=f"{etc}/neutron", OS_NEUTRON_CONFIG_FILES="neutron.conf"),
        _api(lab, "nova-api", ports.nova, "nova.wsgi.osapi_compute", 16,
             OS_NOVA_CONFIG_DIR=f"{etc}/nova"),
    ]  # fmt: skip


def workers(lab: Lab) -> list[Program]:
    """Return Nova's daemons, the compute hosts last."""
    nova = ["--config-file", str(lab.etc / "nova" / "nova.conf")]
    return [
        Program("nova-conductor", [lab.program("nova-conductor"), *nova]),
        Program("nova-scheduler", [lab.program("nova-scheduler"), *nova]),
        *(compute(lab, host) for host in lab.hosts),
    ]


def compute(lab: Lab, host: str) -> Program:
    """Return a compute host."""
    own = lab.etc / "nova" / host / "compute.conf"
    common = lab.etc / "nova" / "nova.conf"
    command = [lab.program("nova-compute"), "--config-file", str(common), "--config-file", str(own)]
    return Program(f"nova-compute-{host}", command)


def _api(lab: Lab, name: str, port: int, module: str, threads: int, **environment: str) -> Program:
    return Program(
        name,
        [
            lab.program("uwsgi"), "--http-socket", f"127.0.0.1:{port}",
            "--module", f"{module}:application", "--master", "--processes", "1",
            "--threads", str(threads), "--enable-threads", "--lazy-apps", "--need-app",
            "--die-on-term", "--buffer-size", "65535", "--add-header", "Connection: close",
            "--so-keepalive", "--listen", "100", "--disable-logging", "--home", str(lab.venv),
        ],
        port,
        environment,
    )  # fmt: skip


def _erlang(lab: Lab) -> dict[str, str]:
    return {"ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(lab.ports.epmd)}

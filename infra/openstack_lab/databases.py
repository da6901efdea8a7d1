"""The services' databases: made once per machine, then restored from a golden copy."""

import hashlib
import os
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.local.ports import answers
from infra.openstack_lab import packages, processes, programs
from infra.openstack_lab.configuration import keystone_url
from infra.openstack_lab.layout import LOCK, PASSWORD, Lab, LabError

NAMES = ("keystone", "placement", "glance", "nova", "nova_api", "nova_cell0", "neutron")
SYNC_S = 1500
# What the copy holds: the databases, and the keys that their contents are encrypted with.
HELD = ("mysql", "etc/keystone/fernet", "etc/keystone/credential")


def ensure(lab: Lab) -> bool:
    """Start MariaDB with all databases in it; return whether they were made anew."""
    synced = lab.state / ".synced"
    if not synced.exists() and (copy := golden(lab)).exists():
        with tarfile.open(copy) as tar:
            tar.extractall(lab.state, filter="data")
        synced.touch()
    _install(lab)
    _start(lab)
    if synced.exists():
        return False
    _sync(lab)
    synced.touch()
    processes.stop(lab, "mariadb", 60)
    _save(lab)
    _start(lab)
    return True


def golden(lab: Lab) -> Path:
    """Return the copy's path: another lock or MariaDB has another copy."""
    version = subprocess.run(
        [packages.find("mariadbd") or "mariadbd", "--version"],
        capture_output=True,
        check=True,
        timeout=30,
    ).stdout
    digest = hashlib.sha256(LOCK.read_bytes() + version + str(lab.ports).encode()).hexdigest()[:12]
    return lab.cache / f"databases-{digest}.tar"


def _save(lab: Lab) -> None:
    copy = golden(lab)
    part = copy.with_suffix(".part")
    with tarfile.open(part, "w") as tar:
        for name in HELD:
            tar.add(lab.state / name, name)
    part.replace(copy)


def _install(lab: Lab) -> None:
    (lab.state / "init.sql").write_text(
        "".join(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb3;\n" for name in NAMES)
        + f"CREATE USER IF NOT EXISTS 'lab'@'%' IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON *.* TO 'lab'@'%';\n"
    )
    data = lab.state / "mysql"
    if (data / "mysql").exists():
        return
    _run(
        lab, "mariadb-install",
        [packages.find("mariadb-install-db") or "mariadb-install-db", "--no-defaults",
         *programs.as_this_user(), f"--datadir={data}", "--skip-test-db",
         "--auth-root-authentication-method=normal"],
    )  # fmt: skip


def _start(lab: Lab) -> None:
    program = programs.mariadb(lab)
    processes.start(lab, program)
    processes.wait_for(lab, program, lambda: answers(lab.ports.mariadb), 120)


def _sync(lab: Lab) -> None:
    """Make all tables; the four services beside each other."""
    steps = (_sync_keystone, _sync_nova, _sync_placement_and_glance, _sync_neutron)
    with ThreadPoolExecutor(len(steps)) as pool:
        for job in [pool.submit(step, lab) for step in steps]:
            job.result()


def _sync_keystone(lab: Lab) -> None:
    url = keystone_url(lab)
    manage = [
        lab.program("keystone-manage"),
        "--config-file",
        str(lab.etc / "keystone/keystone.conf"),
    ]
    keys = (
        []
        if not programs.as_this_user()
        else ["--keystone-user", "root", "--keystone-group", "root"]
    )
    _run(lab, "sync-keystone", [*manage, "db_sync"])
    _run(lab, "sync-keystone", [*manage, "fernet_setup", *keys])
    _run(lab, "sync-keystone", [*manage, "credential_setup", *keys])
    _run(
        lab, "sync-keystone",
        [*manage, "bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id",
         "RegionOne", "--bootstrap-public-url", url, "--bootstrap-internal-url", url,
         "--bootstrap-admin-url", url],
    )  # fmt: skip


def _sync_nova(lab: Lab) -> None:
    manage = [lab.program("nova-manage"), "--config-file", str(lab.etc / "nova/nova.conf")]
    cell0 = lab.database("nova_cell0")
    _run(lab, "sync-nova", [*manage, "api_db", "sync"])
    _run(lab, "sync-nova", [*manage, "cell_v2", "map_cell0", "--database_connection", cell0])
    _run(lab, "sync-nova", [*manage, "db", "sync"])
    # 2: it is there already, from a run that was cut off.
    _run(lab, "sync-nova", [*manage, "cell_v2", "create_cell", "--name=cell1"], accepted=(0, 2))


def _sync_placement_and_glance(lab: Lab) -> None:
    for name, file, command in (
        ("placement", "placement.conf", ["db", "sync"]),
        ("glance", "glance-api.conf", ["db_sync"]),
    ):
        manage = [lab.program(f"{name}-manage"), "--config-file", str(lab.etc / name / file)]
        _run(lab, f"sync-{name}", [*manage, *command])


def _sync_neutron(lab: Lab) -> None:
    config = ["--config-file", str(lab.etc / "neutron/neutron.conf")]
    _run(lab, "sync-neutron", [lab.program("neutron-db-manage"), *config, "upgrade", "heads"])


def _run(lab: Lab, name: str, command: list[str], accepted: tuple[int, ...] = (0,)) -> None:
    with (lab.logs / f"{name}.log").open("ab") as log:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=SYNC_S, check=False,
            env={**os.environ, **lab.environment},
        )  # fmt: skip
    if done.returncode not in accepted:
        raise LabError(f"{Path(command[0]).name} failed: {processes.tail(lab, name)}")

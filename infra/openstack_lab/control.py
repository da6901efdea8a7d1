"""Starts and stops the lab."""

import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import openstack

from infra.local.ports import answers
from infra.openstack_lab import (
    catalogue,
    configuration,
    databases,
    environment,
    furnishing,
    packages,
    processes,
    programs,
)
from infra.openstack_lab.layout import Lab, LabError
from infra.openstack_lab.processes import Program

# On two busy cores a service takes a minute and more to import all of OpenStack.
READY_S = 600
SERVERS = ("rabbitmq", "mariadb", "epmd")
Say = Callable[[str], None]


def up(lab: Lab, say: Say = print) -> None:
    """Start what does not run; return when an instance could be created.

    Raises
    ------
    LabError
        If something is missing on this machine, or does not start.
    """
    lab.logs.mkdir(parents=True, exist_ok=True)
    lab.cache.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:  # one waits for downloads while the other unpacks
        jobs = [pool.submit(part.ensure, lab) for part in (packages, environment)]
        for job in as_completed(jobs):
            job.result()
            say(f"{'packages' if job is jobs[0] else 'environment'} installed")
    configuration.write_all(lab)
    _start_rabbitmq(lab)
    say("databases made and copied" if databases.ensure(lab) else "databases up")
    for program in programs.apis(lab):
        processes.start(lab, program)
    _wait_for_api(lab, programs.apis(lab)[0])
    catalogue.ensure(lab, connect(lab, "lab-admin"))
    _wait_for(lab, programs.rabbitmq(lab))
    for program in programs.workers(lab):
        processes.start(lab, program)
    for program in programs.apis(lab):
        _wait_for_api(lab, program)
    say("services up")
    furnishing.ensure(lab, connect(lab, "lab-admin"), READY_S)
    say(f"ready: export OS_CLIENT_CONFIG_FILE={lab.clouds_yaml} OS_CLOUD=lab")


def down(lab: Lab) -> None:
    """Ask everything that was started to end; its data stays."""
    names = processes.started(lab)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: processes.stop(lab, n), [n for n in names if n not in SERVERS]))
    for name in SERVERS:
        processes.stop(lab, name, 30)


def wipe(lab: Lab) -> None:
    """Kill everything that was started, and remove its data."""
    names = processes.started(lab)
    for name in names:
        processes.kill(lab, name)
    for name in names:
        while processes.is_alive(lab, name):
            time.sleep(0.05)
    shutil.rmtree(lab.state, ignore_errors=True)


def tails(lab: Lab, lines: int = 15) -> str:
    """Return the end of every log, and the last errors in it: what to read when a test failed."""
    told = []
    for path in sorted(lab.logs.glob("*.log")):
        text = path.read_text(errors="replace").splitlines()
        errors = [line for line in text[:-lines] if " ERROR " in line or "Traceback" in line]
        told.append("\n".join([f"==> {path.name}", *errors[-lines:], "...", *text[-lines:]]))
    return "\n".join(told)


def connect(lab: Lab, cloud: str) -> Any:
    """Return a connection to one of the lab's clouds."""
    return openstack.connection.Connection(
        config=openstack.config.OpenStackConfig(
            config_files=[str(lab.clouds_yaml)], load_envvars=False
        ).get_one(cloud)
    )


def start_compute(lab: Lab, host: str) -> None:
    """Start a compute host that was killed."""
    processes.start(lab, programs.compute(lab, host))


def kill_compute(lab: Lab, host: str) -> None:
    """Kill a compute host without warning.

    Raises
    ------
    LabError
        If it does not run: a fault that was not injected proves nothing.
    """
    _kill(lab, programs.compute(lab, host).name)


def kill_nova_api(lab: Lab) -> None:
    """Kill the compute API without warning."""
    _kill(lab, "nova-api")
    while answers(lab.ports.nova):
        time.sleep(0.1)


def start_nova_api(lab: Lab) -> None:
    """Start the compute API again and wait until it answers."""
    nova = programs.apis(lab)[-1]
    processes.start(lab, nova)
    _wait_for_api(lab, nova)


def _kill(lab: Lab, name: str) -> None:
    if not processes.kill(lab, name):
        raise LabError(f"{name} does not run, so it can't be killed")
    while processes.is_alive(lab, name):
        time.sleep(0.05)


def _start_rabbitmq(lab: Lab) -> None:
    folder = lab.state / "rabbitmq"
    for name in ("mnesia", "log"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "plugins").write_text("[].\n")
    (folder / "rabbitmq.conf").write_text(
        "loopback_users.guest = true\nvm_memory_high_watermark.absolute = 1GB\n"
        "disk_free_limit.absolute = 50MB\n"
    )
    if not answers(lab.ports.epmd):
        processes.start(lab, programs.epmd(lab))
        _wait_for(lab, programs.epmd(lab))
    processes.start(lab, programs.rabbitmq(lab))


def _wait_for(lab: Lab, program: Program) -> None:
    processes.wait_for(lab, program, lambda: answers(program.port), READY_S)


def _wait_for_api(lab: Lab, program: Program) -> None:
    """Wait until an API answers, which it does once its application is loaded."""

    def is_ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{program.port}/", timeout=10):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    processes.wait_for(lab, program, is_ready, READY_S)

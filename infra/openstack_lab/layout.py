"""Where the lab keeps its files and which ports it takes."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from infra.local.artifacts import CHECKOUT, cache_dir

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
PLUGIN = HERE / "plugin"
# Only reachable from this machine; it protects nothing.
PASSWORD = "lab-only"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Ports:
    """The lab's ports, all on loopback, away from OpenStack's own."""

    keystone: int = 15000
    placement: int = 18778
    nova: int = 18774
    glance: int = 19292
    neutron: int = 19696
    mariadb: int = 13306
    rabbitmq: int = 15673
    erlang: int = 25673
    epmd: int = 14369


class LabError(RuntimeError):
    """The lab can't run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab.

    Parameters
    ----------
    state
        Its data, logs and configuration: removed with the lab.
    cache
        What is made once per machine: the environment and the golden databases.
    hosts
        Its simulated compute hosts.
    """

    state: Path = field(default_factory=lambda: CHECKOUT / ".state" / "openstack-lab")
    cache: Path = field(default_factory=lambda: cache_dir() / "openstack-lab")
    hosts: tuple[str, ...] = ("cmp1", "cmp2", "cmp3")
    ports: Ports = Ports()

    @property
    def venv(self) -> Path:
        """The control plane's environment."""
        return self.cache / "venv"

    @property
    def etc(self) -> Path:
        """Configuration of all services."""
        return self.state / "etc"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.state / "log"

    @property
    def faults(self) -> Path:
        """File that tells the simulated hypervisor what shall go wrong."""
        return self.state / "faults.json"

    @property
    def clouds_yaml(self) -> Path:
        """Clouds `lab` (a project's member) and `lab-admin`."""
        return self.state / "clouds.yaml"

    def program(self, name: str) -> str:
        """Return a program of the control plane's environment."""
        return str(self.venv / "bin" / name)

    def database(self, name: str) -> str:
        """Return a database's address."""
        return (
            f"mysql+pymysql://lab:{PASSWORD}@127.0.0.1:{self.ports.mariadb}/{name}?charset=utf8mb3"
        )

    @property
    def environment(self) -> MappingProxyType[str, str]:
        """Variables of all the lab's processes."""
        return MappingProxyType(
            {
                "PATH": f"{self.venv / 'bin'}:{os.environ.get('PATH', '')}",
                "WARMFRONT_LAB_FAULTS": str(self.faults),
            }
        )

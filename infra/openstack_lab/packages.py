"""The two servers that come from the distribution: MariaDB and RabbitMQ."""

import os
import shutil
import subprocess
from pathlib import Path

from infra.openstack_lab.layout import Lab, LabError

PACKAGES = ("mariadb-server", "rabbitmq-server")
# Debian's wrapper in /usr/sbin changes the user; the program itself does not.
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
POLICY = Path("/usr/sbin/policy-rc.d")
# Another apt may be at work, and a mirror may fail once.
PATIENT = ("-o", "DPkg::Lock::Timeout=600", "-o", "Acquire::Retries=5",
           "-o", "Acquire::http::Timeout=60", "-o", "Dpkg::Use-Pty=0")  # fmt: skip
APT_S = 1200
NEEDED = ("mariadbd", "mariadb-install-db", "epmd")


def missing() -> list[str]:
    """Return the programs that are not on this machine."""
    absent = [name for name in NEEDED if find(name) is None]
    return absent if RABBITMQ.exists() else [*absent, RABBITMQ.name]


def unavailable() -> str:
    """Return why this machine has not what the lab needs and can't be given it; "" if it can."""
    absent = missing()
    if not absent or (os.geteuid() == 0 and shutil.which("apt-get")):
        return ""
    by_hand = f"apt-get install --no-install-recommends {' '.join(PACKAGES)}"
    return f"the OpenStack lab needs {', '.join(absent)}. On Debian or Ubuntu, as root: {by_hand}"


def find(name: str) -> str | None:
    """Return a program's path; servers may be outside an ordinary user's PATH."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def ensure(lab: Lab) -> None:
    """Install what is missing, as root on Debian or Ubuntu.

    Raises
    ------
    LabError
        If it can't be installed from here.
    """
    if not missing():
        return
    if reason := unavailable():
        raise LabError(reason)
    log = lab.logs / "apt.log"
    with log.open("ab") as output, _nothing_started():
        for command in (
            ["update", "-q"],
            ["install", "-y", "-q", "--no-install-recommends", *PACKAGES],
        ):
            done = subprocess.run(
                ["apt-get", *PATIENT, *command], stdout=output, stderr=output,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL, timeout=APT_S, check=False,
            )  # fmt: skip
    if still := missing():
        raise LabError(
            f"apt-get ended with {done.returncode}, {', '.join(still)} missing: see {log}\n"
            + "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        )


class _nothing_started:  # noqa: N801 - a context, not a kind of thing
    """Keeps the packages from starting services of their own while they are installed."""

    def __enter__(self) -> None:
        self._is_ours = not POLICY.exists()
        if self._is_ours:
            POLICY.write_text("#!/bin/sh\nexit 101\n")
            POLICY.chmod(0o755)

    def __exit__(self, *_: object) -> None:
        if self._is_ours:
            POLICY.unlink(missing_ok=True)

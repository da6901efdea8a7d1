"""The control plane's own Python environment, from its lock."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from infra.local.artifacts import CHECKOUT
from infra.openstack_lab.layout import LOCK, PLUGIN, Lab, LabError

# Nova loads drivers from below nova.virt only.
SHIM = """'''Makes the lab's hypervisor known to Nova.'''

from warmfront_lab.hypervisor import LabDriver
"""
DRIVER = "warmfront_lab_driver"
# Not worth compiling: the services' own tests, half of all files. (Some packages hold files that
# are no Python of this version; those the compiler passes over, and ends with 1.)
UNUSED = r"/tests/"


def ensure(lab: Lab) -> None:
    """Install what the lock and the plugin say, unless that is there.

    Raises
    ------
    LabError
        If the installation fails.
    """
    done = lab.venv / ".installed"
    wanted = fingerprint()
    if done.exists() and done.read_text() == wanted:
        return
    done.unlink(missing_ok=True)
    log = lab.logs / "install.log"
    lab.cache.mkdir(parents=True, exist_ok=True)
    if not (lab.venv / "bin" / "python").exists():
        _run([sys.executable, "-m", "venv", str(lab.venv)], log)
    uv = [str(CHECKOUT / "infra" / "local" / "uv.sh"), "pip"]
    python = ["--quiet", "--python", lab.program("python")]
    _run([*uv, "sync", "--require-hashes", *python, str(LOCK)], log)
    _run(
        [*uv, "install", "--no-deps", "--no-build-isolation", "--reinstall", *python, str(PLUGIN)],
        log,
    )
    (site_packages(lab) / "nova" / "virt" / f"{DRIVER}.py").write_text(SHIM)
    # Thirteen processes and eight synchronisations import most of it. Where Python is told to
    # write no bytecode, as in many images, each would compile all of OpenStack for itself.
    compiler = [lab.program("python"), "-m", "compileall", "-qq", "-j", "2", "-x", UNUSED]
    _run([*compiler, str(site_packages(lab))], log, accepted=(0, 1))
    done.write_text(wanted)


def fingerprint() -> str:
    """Return a hash of everything that goes into the environment."""
    digest = hashlib.sha256(LOCK.read_bytes() + SHIM.encode())
    for path in sorted([*PLUGIN.rglob("*.py"), *PLUGIN.rglob("*.toml")]):
        if "build" not in path.relative_to(PLUGIN).parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def site_packages(lab: Lab) -> Path:
    """Return where the environment's packages are."""
    return next((lab.venv / "lib").glob("python3.*")) / "site-packages"


def _run(command: list[str], log: Path, accepted: tuple[int, ...] = (0,)) -> None:
    with log.open("ab") as output:
        done = subprocess.run(
            command, stdout=output, stderr=output, env=dict(os.environ), timeout=1800, check=False
        )
    if done.returncode not in accepted:
        told = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise LabError(f"{Path(command[0]).name} {command[1]} failed: see {log}\n{told}")

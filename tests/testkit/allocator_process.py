"""The allocator as a process of its own, on a simulated cloud with the times a test asks for."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.local import spawn
from schemas.settings import Settings
from tests.testkit.pipeline import Deployment

PROGRAM = """
import json, sys
from allocator.cloud.simulated import Simulation
from allocator.options import AllocatorOptions
from allocator.worker import run
from schemas.settings import Settings
simulation = Simulation(**json.loads(sys.argv[2]))
run(Settings(), AllocatorOptions(clock=sys.argv[1], poll_s=0.2, simulation=simulation))
"""


def start_allocator(
    settings: Settings, *, clock: str = "wall", shadow_file: Path | None = None,
    launch_median_s: float = 0.5, fault_rate: float = 0.0,
    environment: Mapping[str, str] | None = None,
) -> spawn.Process:  # fmt: skip
    """Start an allocator whose cloud rebuilds and deletes at once; it logs on allocator.log."""
    times = {
        "launch_median_s": launch_median_s, "rebuild_s": 0.3, "delete_s": 0.2,
        "fault_rate": fault_rate,
    }  # fmt: skip
    env = {**Deployment(settings).environment, **(environment or {})}
    if shadow_file is not None:
        env["WARMFRONT_SHADOW_FILE"] = str(shadow_file)
    command = [sys.executable, "-c", PROGRAM, clock, json.dumps(times)]
    with (settings.state_dir / "allocator.log").open("ab") as log:
        return spawn.spawn(command, output=log, env=env)

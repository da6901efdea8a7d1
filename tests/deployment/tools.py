"""The linters that `make lint-deploy` installs, and what they say."""

import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
INFRA = REPOSITORY / "infra"
LINTERS = REPOSITORY / ".cache" / "lint"
PROGRAMS = {
    "compose-spec": LINTERS / "bin/compose-spec",
    "hadolint": LINTERS / "python/bin/hadolint",
    "kubernetes-validate": LINTERS / "python/bin/kubernetes-validate",
    "node": LINTERS / "python/bin/node",
    "python": LINTERS / "python/bin/python",
}


def ask(tool: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a linter in the folder where it is installed."""
    command = [str(PROGRAMS[tool]), *map(str, arguments)]
    return subprocess.run(
        command, cwd=LINTERS, capture_output=True, text=True, timeout=300, check=False
    )


def accepted(tool: str, *arguments: object) -> str:
    """What a linter prints of something that it finds nothing wrong with."""
    done = ask(tool, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(tool: str, *arguments: object) -> str:
    """What a linter prints of something that it finds fault with."""
    done = ask(tool, *arguments)
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr

"""What became of processes that a test started."""

import signal

import psutil

from infra.local import spawn


def is_alive(pid: int) -> bool:
    """Whether a process runs: one that has ended and is not waited for does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def interrupted(process: spawn.Process, within_s: float, children_s: float) -> int:
    """Press Ctrl-C; return the exit code once all that the process had started is gone too."""
    children = psutil.Process(process.pid).children(recursive=True)
    assert children, "it had started something"
    process.send_signal(signal.SIGINT)
    code = process.wait(within_s)
    _, alive = psutil.wait_procs(children, timeout=children_s)
    assert not alive, "whatever was started is stopped"
    return int(code)

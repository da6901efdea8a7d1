"""A process of a scripted host."""

from typing import Any

from streams.collect.processes import Process


def process(pid: int, parent: int = 1, program: str = "vim", **fields: Any) -> Process:
    """Return a process of Ada's."""
    known = {
        "created_s": 100.0 + pid, "user": "ada", "cpu_s": 0.0, "memory_bytes": 1000,
        "disk_bytes": 0,
    } | fields  # fmt: skip
    return Process(pid=pid, parent=parent, program=program, **known)

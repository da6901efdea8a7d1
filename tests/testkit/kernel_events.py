"""Whether the kernel would tell this process of others, found without the code that asks it to."""

from pathlib import Path

# What a test's skip says where it does not.
NAME = "process connector"
# The first namespaces, by the numbers that every kernel gives them (include/linux/proc_ns.h).
FIRST = {"user": 0xEFFFFFFD, "pid": 0xEFFFFFFC}
CAP_NET_ADMIN = 12


def kernel_tells() -> bool:
    """Whether there is a connector of processes here, and this process may listen to it."""
    try:
        offered = Path("/proc/net/connector").read_text(encoding="utf-8")  # in the first network
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        spaces = {name: Path(f"/proc/self/ns/{name}").stat().st_ino for name in FIRST}
    except OSError:
        return False
    rights = int(status.partition("CapEff:")[2].split()[0], 16)
    return "cn_proc" in offered and spaces == FIRST and bool(rights >> CAP_NET_ADMIN & 1)

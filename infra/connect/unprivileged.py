"""Runs a command as nobody: `unprivileged.py PARENT_PID COMMAND...`, replaced by the command.

PostgreSQL refuses to run as root, and `su` or `setpriv` aren't on every machine. The kernel forgets
at a change of user that the process shall die with its parent, so that is said again.
"""

import ctypes
import os
import signal
import sys

NOBODY = 65534
_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent_pid, command = int(sys.argv[1]), sys.argv[2:]
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it died before the line above
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - a command of our own


if __name__ == "__main__":
    main()

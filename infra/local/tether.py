"""Runs a command that the kernel kills when the process that started it dies.

Called as a script, `tether.py PARENT_PID COMMAND...`, and replaced by the command (exec): it costs
30 ms once and no memory. The death signal survives exec (prctl(2)). Only Linux has it; elsewhere
the command runs untied, and the next start finds it by its pid file.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent_pid, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        # SIGKILL, since a JVM may hang in its shutdown hooks and nobody is left to notice.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:  # it died before the line above
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - a command of our own


if __name__ == "__main__":
    main()

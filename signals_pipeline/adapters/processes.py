"""Processes of this machine: the identity of the present one, and whether a recorded one still lives.

Linux tells all that is needed in /proc. Elsewhere a process is known by its number alone, so that a reused number
counts as alive.
"""

import os
import socket
from functools import cache
from pathlib import Path

from signals_pipeline.core.leases import Liveness, ProcessIdentity, liveness

_MACHINE_FILE = Path("/etc/machine-id")
_BOOT_FILE = Path("/proc/sys/kernel/random/boot_id")
# Fields of /proc/PID/stat after the command in parentheses, which may itself contain spaces (man 5 proc).
_STATE_FIELD = 0
_START_FIELD = 19
# The process has ended, and its parent has not yet asked how.
_ENDED_STATES = {"Z", "X"}


def this_process() -> ProcessIdentity:
    """The identity of this process."""
    pid = os.getpid()
    _, started = _look(pid)
    return ProcessIdentity(socket.gethostname(), _text(_MACHINE_FILE), _boot(), _namespace(), pid, started)


def liveness_of(holder: ProcessIdentity) -> Liveness:
    """Whether a recorded process still lives."""
    exists, started = _look(holder.pid)
    return liveness(holder, this_process(), exists=exists, started=started)


def _look(pid: int) -> tuple[bool, str]:
    """Whether a process of this number exists, and when it started, in clock ticks since the boot; empty if unknown."""
    try:
        os.kill(pid, 0)  # sends nothing, but says whether it could
    except ProcessLookupError:
        return False, ""
    except PermissionError:
        pass  # somebody else's process, which /proc may hide
    stat = _text(Path(f"/proc/{pid}/stat"))
    fields = stat.rpartition(")")[2].split()
    if not fields:
        return True, ""
    if fields[_STATE_FIELD] in _ENDED_STATES:
        return False, ""
    return True, fields[_START_FIELD]


@cache
def _boot() -> str:
    return _text(_BOOT_FILE)


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""  # not Linux


def _text(path: Path) -> str:
    """The content of a file of the system; empty where it has none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""

"""Whether a process that holds something still lives, judged by what it left behind and what is seen now.

A process that is killed can't let go of what it holds. It therefore records its identity when it takes hold, and
whoever waits compares. In doubt a holder counts as possibly alive: what lives is never taken for dead.
"""

from dataclasses import dataclass
from enum import Enum, auto

# Linux gives the processes of the machine itself (not of a container) a namespace with this number, at every boot
# (PROC_PID_INIT_INO in include/linux/proc_ns.h).
MACHINE_NAMESPACE = "pid:[4026531836]"


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process, told apart from every other one, earlier and later ones of the same number included.

    Attributes:
        host: Name of the host.
        machine: Identifier of the machine (/etc/machine-id), which survives a reboot; empty where there is none.
        boot: Identifier of the boot; empty where the system has none.
        namespace: Namespace in which process numbers are counted, such as that of a container; empty likewise.
        pid: Number of the process.
        started: When the process started, in the system's own unit since the boot; empty where it does not tell.
    """

    host: str
    machine: str
    boot: str
    namespace: str
    pid: int
    started: str


class Liveness(Enum):
    """What is known of a process."""

    ALIVE = auto()
    DEAD = auto()
    UNKNOWN = auto()


def liveness(holder: ProcessIdentity, observer: ProcessIdentity, *, exists: bool, started: str) -> Liveness:
    """Whether the process that was recorded as holder still lives.

    Args:
        holder: What the process recorded.
        observer: The process that looks now.
        exists: Whether a process with the holder's number exists now, where the observer looks.
        started: When that process started; empty where the system does not tell.
    """
    if (holder.host, holder.machine) != (observer.host, observer.machine):
        return Liveness.UNKNOWN
    if holder.boot != observer.boot:
        # Containers of two machines may have one name: only the machine's own processes are known to end with a boot.
        on_machine = holder.namespace == observer.namespace == MACHINE_NAMESPACE
        rebooted = bool(on_machine and holder.boot and observer.boot)
        return Liveness.DEAD if rebooted else Liveness.UNKNOWN
    if holder.namespace != observer.namespace:
        return Liveness.UNKNOWN
    if not exists:
        return Liveness.DEAD
    # The number was given to another process since.
    was_reused = bool(holder.started and started and holder.started != started)
    return Liveness.DEAD if was_reused else Liveness.ALIVE

"""Real processes: this one, one that is killed, and one whose number is somebody else's now."""

import subprocess
import sys
from dataclasses import replace

import pytest

from signals_pipeline.adapters import processes
from signals_pipeline.adapters.processes import liveness_of, this_process
from signals_pipeline.core.leases import Liveness
from signals_pipeline_tests.support.polling import until


def test_a_process_is_alive_until_it_is_killed_and_dead_before_its_parent_asks() -> None:
    me = this_process()
    assert liveness_of(me) is Liveness.ALIVE
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        _, started = processes._look(child.pid)  # noqa: SLF001 - what the child would record of itself
        theirs = replace(me, pid=child.pid, started=started)
        assert liveness_of(theirs) is Liveness.ALIVE
        assert liveness_of(replace(theirs, started="1")) is Liveness.DEAD
        child.kill()
        until(lambda: liveness_of(theirs) is Liveness.DEAD, "the end of the child, whom nobody has waited for")
    assert liveness_of(theirs) is Liveness.DEAD
    assert liveness_of(replace(me, host="other")) is Liveness.UNKNOWN


def test_the_first_process_of_the_system_is_alive_whoever_owns_it() -> None:
    assert liveness_of(replace(this_process(), pid=1, started="")) is Liveness.ALIVE


def test_a_system_without_proc_knows_processes_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_text", lambda _path: "")
    me = this_process()
    assert (me.machine, me.started) == ("", "")
    assert liveness_of(me) is Liveness.ALIVE

"""Whether a recorded process lives: what lives is never taken for dead, and what died on this machine is found."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.leases import MACHINE_NAMESPACE, Liveness, ProcessIdentity, liveness

HERE = ProcessIdentity("host", "machine", "boot", MACHINE_NAMESPACE, 100, "500")
FEW = st.sampled_from(["", "a", "b"])


@dataclass(frozen=True)
class World:
    """The processes that live somewhere at one moment; each is where its fields say."""

    living: frozenset[ProcessIdentity]

    def seen_by(self, observer: ProcessIdentity, pid: int) -> tuple[bool, str]:
        """What an observer sees under a process number: those of its own machine, boot and namespace."""
        for process in self.living:
            if replace(process, pid=0, started="") == replace(observer, pid=0, started="") and process.pid == pid:
                return True, process.started
        return False, ""


@st.composite
def processes(draw: st.DrawFn) -> ProcessIdentity:
    """A process of one of few hosts, with few numbers, so that many agree in all but one field."""
    namespace = draw(st.sampled_from(["", MACHINE_NAMESPACE, "pid:[1]", "pid:[2]"]))
    return ProcessIdentity(draw(FEW), draw(FEW), draw(FEW), namespace, draw(st.integers(1, 3)), draw(FEW))


def places_are_possible(living: frozenset[ProcessIdentity]) -> bool:
    """One process per number in one place, and one boot of a machine at a time."""
    numbers = [replace(process, started="") for process in living]
    machines = {(p.host, p.machine, p.boot) for p in living if p.namespace == MACHINE_NAMESPACE}
    return len(set(numbers)) == len(numbers) and len({place[:2] for place in machines}) == len(machines)


worlds = st.frozensets(processes(), min_size=1, max_size=6).filter(places_are_possible)


@given(worlds, st.data())
def test_a_process_that_lives_is_never_taken_for_dead(living: frozenset[ProcessIdentity], data: st.DataObject) -> None:
    world = World(living)
    holder, observer = (data.draw(st.sampled_from(sorted(living, key=repr))) for _ in range(2))
    exists, started = world.seen_by(observer, holder.pid)
    assert liveness(holder, observer, exists=exists, started=started) is not Liveness.DEAD


@given(processes(), st.booleans())
def test_a_process_that_died_in_this_place_is_found_also_if_its_number_was_given_away(
    holder: ProcessIdentity, reused: bool
) -> None:
    observer = replace(holder, pid=7, started="later")
    seen = liveness(holder, observer, exists=reused, started="later" if reused else "")
    assert seen is (Liveness.ALIVE if reused and not holder.started else Liveness.DEAD)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Liveness.ALIVE),
        ({"host": "other"}, Liveness.UNKNOWN),
        ({"machine": "other"}, Liveness.UNKNOWN),
        ({"boot": "earlier"}, Liveness.DEAD),
        ({"boot": ""}, Liveness.UNKNOWN),
        ({"boot": "earlier", "namespace": "pid:[1]"}, Liveness.UNKNOWN),
        ({"namespace": "pid:[1]"}, Liveness.UNKNOWN),
    ],
    ids=str,
)
def test_what_each_field_decides(change: dict[str, str], expected: Liveness) -> None:
    assert liveness(replace(HERE, **change), HERE, exists=True, started=HERE.started) is expected

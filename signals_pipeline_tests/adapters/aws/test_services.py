"""How a task ended, as ECS describes it."""

import pytest

from signals_pipeline.adapters.aws.services import end_of


@pytest.mark.parametrize(
    ("codes", "is_success"),
    [([0], True), ([0, 0], True), ([0, 1], False), ([None], False), ([0, None], False), ([], False)],
)
def test_a_task_succeeded_if_it_has_containers_and_each_ended_with_zero(
    codes: list[int | None], *, is_success: bool
) -> None:
    """A container that never started has no exit code."""
    containers = [{} if code is None else {"exitCode": code} for code in codes]
    end = end_of({"containers": containers, "stoppedReason": "Essential container in task exited"})
    assert (end.exit_codes, end.is_success) == (codes, is_success)
    assert end.reason == "Essential container in task exited"


def test_a_task_without_containers_or_reason_says_so() -> None:
    end = end_of({"stoppedReason": ""})
    assert (end.exit_codes, end.is_success, end.reason) == ([], False, "no reason given")

"""Asset `outcomes`: forward returns that are known at the end of the newest window."""

from signals_pipeline_tests.defs.assets.conftest import AssetRun


def test_outcomes_are_stored_as_soon_as_their_exit_session_has_closed(asset_run: AssetRun) -> None:
    known = asset_run.store.outcomes.known(asset_run.newest.as_of)

    assert len(known)
    assert (known["known_at"] < asset_run.newest.as_of).all()
    assert set(known["horizon"]) == {1}


def test_the_newest_window_reports_them_with_the_record(asset_run: AssetRun) -> None:
    known = asset_run.store.outcomes.known(asset_run.newest.as_of)
    entries = asset_run.metadata("outcomes")[asset_run.newest.key]

    assert entries["matured"] == entries["known"] == len(known)
    assert entries["without_bars"] == "none"
    assert entries["record"].startswith("- ")

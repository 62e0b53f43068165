"""Asset `delivery`: the mails of the newest window are sent, and counted by what became of them."""

from signals_pipeline_tests.defs.assets.conftest import AssetRun


def test_the_mail_of_the_newest_window_is_sent_once(asset_run: AssetRun) -> None:
    files = list(asset_run.pipeline.settings.mail_dir.iterdir())

    assert len(files) == 1
    assert [mail.state for mail in asset_run.store.outbox.mails_for(asset_run.newest)] == ["sent"]


def test_mails_are_counted_by_their_state(asset_run: AssetRun) -> None:
    entries = asset_run.metadata("delivery")[asset_run.newest.key]

    counts = {name: entries[name] for name in ("sent", "pending", "failed", "unknown", "held", "lost", "unsubscribed")}
    assert counts == {
        "sent": 1, "pending": 0, "failed": 0, "unknown": 0, "held": 0, "lost": 0, "unsubscribed": 0,
    }  # fmt: skip
    assert entries["problems"] == "none"

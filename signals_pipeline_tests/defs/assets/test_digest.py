"""Asset `digest`: one digest per window in the database and in three files."""

from pathlib import Path

from signals_pipeline.core.digest.model import Digest
from signals_pipeline_tests.defs.assets.conftest import AssetRun


def test_every_window_has_its_digest_in_the_database_and_in_files(asset_run: AssetRun) -> None:
    for window in asset_run.windows:
        stored = asset_run.store.digests.get(window.start)
        assert stored is not None
        composed = Digest.from_json(stored.content)
        entries = asset_run.metadata("digest")[window.key]
        page = Path(entries["html"])
        assert (entries["subject"], entries["kind"]) == (composed.subject, composed.kind)
        assert entries["signals_new"] == len(composed.new)
        assert entries["html_bytes"] == page.stat().st_size > 0
        assert page.with_suffix(".json").read_text(encoding="utf-8") == stored.content
        assert page.with_suffix(".txt").exists()


def test_only_the_newest_window_of_a_live_run_puts_mails_into_the_outbox(asset_run: AssetRun) -> None:
    recipients = [[mail.recipient for mail in asset_run.store.outbox.mails_for(window)] for window in asset_run.windows]

    assert recipients == [[], [], ["reader@example.org"]]

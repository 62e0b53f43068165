"""What readers were told stays, end to end: a live window whose mail went out is run again by hand."""

import logging

from signals_pipeline.adapters.rendering.files import digest_paths
from signals_pipeline.cli.report import revision_notices, signals_table
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.digest.wording import revision_notice
from signals_pipeline.core.windows import windows_between
from signals_pipeline.defs.resources import Store
from signals_pipeline_tests.support.live_runs import DAYS, NEWEST, live, mailing, run, store
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.pipeline import TestPipeline

__all__ = ["live", "store"]

OTHER = {"min_combined_score": 0.9}
# The newest window and the one before it, which a live run catches up; that one has the signals.
LIVE = DAYS[-2:]
TOLD = LIVE[0]
TABLES = ("window_run", "signal_candidate", "signal_history", "digest")


def test_a_mailed_window_run_again_under_another_threshold_keeps_what_was_mailed(
    live: TestPipeline, store: Store
) -> None:
    # Live, with a caught-up window before it; the mails go out.
    inbox = Inbox()
    with mail_server(inbox) as port:
        assert run(live, LIVE, mailing(port)).success
    assert inbox.taken
    told = live.history()
    assert told
    before = {table: live.rows(table) for table in TABLES}
    html = digest_paths(NEWEST.key, live.settings.digests_dir).html.read_text(encoding="utf-8")

    # By hand, under another threshold: all of its signals would be gone.
    result = live.run(LIVE, mode="manual", knobs=OTHER)

    assert {table: live.rows(table) for table in TABLES} == before
    assert digest_paths(NEWEST.key, live.settings.digests_dir).html.read_text(encoding="utf-8") == html
    of_told = store.revisions.list(TOLD.start)
    assert [revision.number for revision in of_told] == [2]
    assert (of_told[0].mode, of_told[0].knobs["min_combined_score"], of_told[0].signals) == ("manual", 0.9, ())

    # The revision has its digest; the run, the command and the stored digest say what was done.
    digest = Digest.from_json(of_told[0].digest or "")
    assert (digest.mode, digest.new, digest.knobs["min_combined_score"]) == ("manual", (), 0.9)
    notice = revision_notice(2, of_told[0].made_at)
    assert notice.endswith("what was sent is kept, the new decision is revision 2.")
    assert f"Window {TOLD.key}: {notice}" in revision_notices(store, LIVE)
    assert TOLD.key in live.metadata(result, "signals")["kept_as_sent"]
    messages = [entry.message for entry in live.instance.all_logs(result.run_id) if int(entry.level) >= logging.WARNING]
    assert f"window {TOLD.key}: {notice}" in messages
    assert signals_table(store, LIVE).row_count == len(told)

    # Again in the same way, and with the settings that were sent: nothing new.
    everything = [store.revisions.list(window.start) for window in LIVE]
    live.run(LIVE, mode="manual", knobs=OTHER)
    live.run(LIVE, mode="manual")
    assert [store.revisions.list(window.start) for window in LIVE] == everything
    assert {table: live.rows(table) for table in TABLES} == before


def test_later_windows_and_outcomes_go_on_from_what_was_sent(live: TestPipeline, store: Store) -> None:
    later = windows_between(NEWEST.end, NEWEST.end.replace(day=NEWEST.end.day + 6))
    with mail_server(Inbox()) as port:
        assert run(live, LIVE, mailing(port)).success
    told = live.history()
    assert told

    live.run(LIVE, mode="manual", knobs=OTHER)
    live.run(later, mode="backfill")

    # The outcomes of what was sent matured, and a repeat of it in a later window is no signal.
    known = store.outcomes.known(later[-1].end)
    of_sent = known[known["window_start"] == TOLD.start]
    assert set(of_sent["symbol"]) == {signal.symbol for signal in told}
    assert set(of_sent["provenance"]) == {"live"}
    for signal in live.history():
        if signal.decided_at > NEWEST.end and signal.lifecycle == "new":
            assert signal.symbol not in {each.symbol for each in told}


def test_a_backfilled_window_is_replaced_as_before(live: TestPipeline, store: Store) -> None:
    live.run(LIVE, mode="backfill")
    assert live.history()

    live.run(LIVE, mode="manual", knobs=OTHER)

    assert live.history() == []
    assert store.revisions.list(TOLD.start) == []

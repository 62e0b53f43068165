"""A real live run with a readers file: each reader gets their edition over SMTP, and a mistake concerns nobody else."""

from dataclasses import replace
from pathlib import Path

from signals_pipeline import sample
from signals_pipeline.adapters.stores.reader_choices import ReaderChoices
from signals_pipeline.adapters.stores.suppressions import SuppressionList
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.digest.readers import DigestTimes, Edition, ReaderChoice
from signals_pipeline.defs.resources import Store
from signals_pipeline_tests.support.live_runs import DAYS, NEWEST, live, mailing, run, store
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.mails import body
from signals_pipeline_tests.support.pipeline import TestPipeline

__all__ = ["live", "store"]

FILE = """\
readers:
- {address: half@example.org, companies: [SYMBOL, ZZZ]}
- {address: broken@example.org, least_score: high}
- {address: strict@example.org, least_score: 1}
- {address: other.times@example.org, digests: "12:00"}
- {address: gone@example.org}
- {address: changed@example.org, companies: all}
"""


def test_each_reader_gets_the_same_signals_filtered_and_a_mistake_keeps_no_other_mail(
    live: TestPipeline, store: Store, tmp_path: Path
) -> None:
    SuppressionList(store.engine).add("gone@example.org", "unsubscribed", NEWEST.start)
    choice = Edition(("ZZZ",))
    ReaderChoices(store.engine).put(
        ReaderChoice("changed@example.org", choice, DigestTimes(), subscribed=False, changed_at=NEWEST.start)
    )
    # Which companies it reports on, the first run says; its mails go to nobody.
    assert run(live, DAYS[-1:], replace(mailing(1), recipients=())).success
    stored = Digest.from_json(store.digests.content(NEWEST))
    followed = (*stored.new, *stored.still_active, *stored.near_misses)
    symbol = followed[0].symbol
    path = tmp_path / "readers.yaml"
    path.write_text(FILE.replace("SYMBOL", symbol))

    inbox = Inbox()
    with mail_server(inbox) as port:
        by = replace(
            mailing(port), recipients=("whole@example.org",), readers_file=str(path), watchlist=sample.WATCHLIST
        )
        result = run(live, DAYS[-1:], by)

    assert result.success
    assert inbox.recipients == sorted(f"{name}@example.org" for name in ("changed", "half", "strict", "whole"))
    texts = {}
    for place in range(len(inbox.recipients)):
        message = inbox.message(place)
        texts[message["To"].partition("@")[0]] = " ".join(body(message, "plain").split())
    assert len(texts) == len(inbox.recipients)
    assert f" {symbol} " in texts["half"]
    assert f" {symbol} " in texts["whole"]
    assert f" {symbol} " not in texts["changed"]
    assert "Your selection" not in texts["whole"]
    assert "Your selection: 2 companies;" in texts["half"]
    assert "No news is collected about ZZZ: not on the watchlist." in texts["half"]
    assert "signals of at least 1.00 either way" in texts["strict"]
    assert "Nothing new about your selection" in texts["changed"]
    # The same coverage for everybody.
    ledger = f"{stored.coverage.headlines:,} headline"
    assert all(ledger in text for text in texts.values())
    # The digest is what it was without any reader, and the mistakes are told by line, without an address.
    assert Digest.from_json(store.digests.content(NEWEST)) == stored
    metadata = result.asset_materializations_for_node("digest")[0].metadata
    problems = str(metadata["readers_problems"].value)
    assert "line 3: least_score: least score 'high'; use a number from 0 to 1" in problems
    assert "line 2: 1 company of this reader not on the watchlist (ZZZ)" in problems
    assert "@" not in problems

"""Who gets a window's mail: three sources, each reader once, and a mistake that concerns nobody else."""

from pathlib import Path

from signals_pipeline import sample
from signals_pipeline.adapters.stores.reader_choices import ReaderChoices
from signals_pipeline.core.digest.editions import parse_edition
from signals_pipeline.core.digest.readers import WHOLE_EDITION, DigestTimes, Edition, ReaderChoice
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.defs.recipients import ReaderSources, readership
from signals_pipeline.defs.resources import open_store

MORNING = window_for_key("2015-02-13-17:30")
EVENING = window_for_key("2015-02-17-08:30")

FILE = """\
readers:
- {address: ann@example.org, companies: [XOM, ZZZ]}
- {address: bob@example.org, digests: evening}
- {address: broken}
- {address: cat@example.org, companies: [XOM, ZZZ]}
"""


def test_readers_of_file_setting_and_links_get_their_windows_in_their_edition(
    database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "readers.yaml"
    path.write_text(FILE)
    store = open_store(database_url)
    for recipient, subscribed in (
        ("bob@example.org", False),
        ("new@example.org", True),
        ("stranger@example.org", False),
    ):
        chosen = ReaderChoice(
            recipient,
            Edition(least_score=0.5),
            DigestTimes(("morning",)),
            subscribed=subscribed,
            changed_at=MORNING.end,
        )
        ReaderChoices(store.engine).put(chosen)

    readers = readership(ReaderSources(("BOB@example.org", "dan@example.org"), str(path), sample.WATCHLIST), store)

    morning = readers.recipients(MORNING, "example.org")
    editions = {recipient.recipient: parse_edition(recipient.edition) for recipient in morning}
    oil = Edition(("XOM", "ZZZ"), unfollowed=("ZZZ",))
    strong = Edition(least_score=0.5)
    assert editions == {
        "dan@example.org": WHOLE_EDITION,
        "bob@example.org": strong,
        "new@example.org": strong,
        "ann@example.org": oil,
        "cat@example.org": oil,
    }
    # Readers of one edition follow each other.
    texts = [recipient.edition for recipient in morning]
    assert texts == sorted(texts, key=lambda text: text or "")
    assert len({recipient.message_id for recipient in morning}) == len(morning)
    evening = [recipient.recipient for recipient in readers.recipients(EVENING, "example.org")]
    assert sorted(evening) == ["ann@example.org", "cat@example.org", "dan@example.org"]
    # The mail that there is no digest is the same for all.
    assert {recipient.edition for recipient in readers.recipients(MORNING, "example.org", "failed")} == {None}
    lines = [problem.partition(" line ")[2][:25] for problem in readers.problems]
    assert lines == [
        "2: 1 company of this read",
        "4: address: an address is",
        "5: 1 company of this read",
    ]
    assert "@example.org" not in "".join(readers.problems).replace("ann@example.org, without", "")


def test_a_file_that_can_not_be_read_is_one_line_and_the_other_readers_get_their_mail(
    database_url: str, tmp_path: Path
) -> None:
    sources = ReaderSources(("dan@example.org",), str(tmp_path / "none.yaml"), sample.WATCHLIST)
    readers = readership(sources, open_store(database_url))
    assert [recipient.recipient for recipient in readers.recipients(MORNING, "example.org")] == ["dan@example.org"]
    [problem] = readers.problems
    assert problem.startswith("no reader of the file gets mail: ")

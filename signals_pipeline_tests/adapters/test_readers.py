"""The readers file: what is written is who gets what, and a mistake refuses one entry, by its line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.readers import ReadersFile, ReadersFileError, load_readers
from signals_pipeline.adapters.watchlist import load_watchlist, presets
from signals_pipeline.core.digest.readers import Clock, DigestTimes, Edition, Reader, TimeStyle

DOW = load_watchlist(presets()["dow30"])

EXAMPLE = """\
channels:
  desk: {kind: slack, url: "env:SLACK_DESK_URL"}
readers:
  - address: ann@example.org
    name: Ann
  - address: bob@example.org
    companies: [CVX, AAPL, CVX]
    digests: morning
    least_score: 0.4
    clock: 12h
    zone: Europe/London
  - {address: cat@example.org, companies: dow30, digests: [morning, "17:30"]}
  - {address: dan@example.org, companies: oil.yaml, digests: both}
  - {channel: desk, companies: all}
"""


def read(folder: Path, text: str) -> ReadersFile:
    path = folder / "readers.yaml"
    path.write_text(text, encoding="utf-8")
    return load_readers(str(path), DOW)


def test_the_example_is_read_as_written(tmp_path: Path) -> None:
    (tmp_path / "oil.yaml").write_text("- {symbol: CVX, company: Chevron}\n")

    loaded = read(tmp_path, EXAMPLE)

    assert loaded.problems == ()
    assert loaded.channels == {"desk": {"kind": "slack", "url": "env:SLACK_DESK_URL"}}
    assert loaded.readers == (
        Reader("ann@example.org", "Ann"),
        Reader(
            "bob@example.org",
            edition=Edition(("AAPL", "CVX"), 0.4, TimeStyle("Europe/London", Clock.HOURS_12)),
            digests=DigestTimes(("morning",)),
        ),
        Reader(
            "cat@example.org", edition=Edition(tuple(sorted(DOW.symbols))), digests=DigestTimes(("morning", "17:30"))
        ),
        Reader("dan@example.org", edition=Edition(("CVX",))),
        Reader("slack:desk"),
    )


GOOD = "readers:\n- address: ann@example.org\n"
MISTAKES = {
    "bad address": ("- {address: ann}\n", 3, "address: an address is like ann@example.org"),
    "no address": ("- {name: Ann}\n", 3, "an address or a channel; write one of the two"),
    "both": ("- {address: b@example.org, channel: desk}\n", 3, "write one of the two"),
    "unknown key": ("- address: b@example.org\n  company: AAPL\n", 4, "unknown key 'company'; use address, channel,"),
    "key twice": ("- address: b@example.org\n  name: B\n  name: C\n", 5, "key 'name' appears twice; keep one"),
    "not a reader": ("- b@example.org\n", 3, "not a reader; write `address: ...`"),
    "duplicate": ("- address: ANN@example.org\n", 3, "the same reader as on line 2; keep one entry"),
    "bad score": ("- address: b@example.org\n  least_score: 40%\n", 4, "least_score: least score '40%'; use a number"),
    "bad digests": ("- address: b@example.org\n  digests: noon\n", 4, "digests 'noon'; use morning, evening, both"),
    "bad clock": ("- address: b@example.org\n  clock: 25h\n", 4, "clock: clock '25h'; use 24h or 12h"),
    "bad zone": ("- address: b@example.org\n  zone: Mars\n", 4, "zone: use a name of the IANA time zone database"),
    "bad name": ('- address: b@example.org\n  name: "a\\x01"\n', 4, "name: "),
    "no companies": ("- address: b@example.org\n  companies: []\n", 4, "'companies' is empty; list symbols, or write"),
    "null companies": ("- address: b@example.org\n  companies:\n", 4, "'companies' has no text"),
    "bad symbol": ("- address: b@example.org\n  companies: [aapl]\n", 4, "symbol 'aapl'; use capitals and digits"),
    "no such list": ("- address: b@example.org\n  companies: dow31\n", 4, "or a preset (dow30, nasdaq-megacaps)"),
    "unknown channel": ("- channel: desk\n", 3, "channel 'desk' is not under `channels:` (none); add it there"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_refuses_one_reader_in_one_line_without_the_address(name: str, tmp_path: Path) -> None:
    entry, line, expected = MISTAKES[name]

    loaded = read(tmp_path, f"{GOOD}{entry}- address: zoe@example.org\n")

    assert [reader.recipient for reader in loaded.readers] == ["ann@example.org", "zoe@example.org"]
    [problem] = loaded.problems
    assert problem.startswith(f"{tmp_path / 'readers.yaml'} line {line}: ")
    assert expected in problem
    assert "\n" not in problem
    assert "b@example.org" not in problem


def test_companies_that_are_not_followed_are_a_problem_and_the_reader_stays(tmp_path: Path) -> None:
    loaded = read(tmp_path, "readers:\n- address: ann@example.org\n  companies: [AAPL, ZZZ, YYY]\n")

    assert [reader.edition.symbols for reader in loaded.readers] == [("AAPL", "YYY", "ZZZ")]
    [problem] = loaded.problems
    assert "line 3: 2 companies of this reader not on the watchlist (YYY, ZZZ): no digest can report" in problem


CHANNEL_MISTAKES = {
    "bad name": ("channels: {Desk: {kind: slack}}", "channel 'Desk'; use at most 63 small letters"),
    "twice": ("channels: {desk: {kind: slack}, desk: {kind: ntfy}}", "channel 'desk' appears twice; the first one"),
    "no mapping": ("channels: {desk: slack}", "channel 'desk' is not a mapping; write `kind: ...`"),
    "no text": ("channels: {'': {kind: slack}}", "'channel' has no text"),
    "no kind": ("channels: {desk: {url: a}}\nreaders: [{channel: desk}]", "channel 'desk' has no kind; write `kind:"),
}


@pytest.mark.parametrize("name", CHANNEL_MISTAKES)
def test_a_mistake_in_a_channel_leaves_the_readers(name: str, tmp_path: Path) -> None:
    text, expected = CHANNEL_MISTAKES[name]
    loaded = read(tmp_path, text)
    [problem] = loaded.problems
    assert expected in problem


def test_what_a_channel_holds_is_passed_on_as_text_lists_and_mappings(tmp_path: Path) -> None:
    text = "channels: {desk: {kind: webhook, tries: 3, tags: [on, 1], more: {a: b}, none: }}\nreaders:\n"
    assert read(tmp_path, text).channels == {
        "desk": {"kind": "webhook", "tries": "3", "tags": ["on", "1"], "more": {"a": "b"}, "none": None}
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- address: ann@example.org\n", "line 1: not a readers file; write `readers:`"),
        ("reader: []\n", "line 1: unknown key 'reader'; use readers, channels"),
        ("readers: ann@example.org\n", "line 1: 'readers' is not a list"),
        ("channels: []\n", "line 1: 'channels' is not a mapping"),
        ("", "empty; add at least one `readers: [{address: ...}]` entry"),
        ("readers: [\n", "not YAML"),
        ("readers: " + "[" * 20, "nested deeper than a readers is"),
    ],
)
def test_a_file_of_another_kind_is_one_line(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(ReadersFileError) as raised:
        read(tmp_path, text)
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReadersFileError, match=r"none.yaml: can't be read .* give the path of a readers file$"):
        load_readers(str(tmp_path / "none.yaml"))


@given(
    st.recursive(
        st.text() | st.integers() | st.none(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["readers", "channels", "address", "companies", "kind"]), inner)
        ),
        max_leaves=12,
    )
)
def test_any_yaml_is_read_or_refused_in_one_line_per_mistake(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    try:
        problems = read(tmp_path_factory.mktemp("readers"), text).problems
    except ReadersFileError as error:
        problems = (str(error),)
    assert all(len(problem.splitlines()) == 1 for problem in problems)

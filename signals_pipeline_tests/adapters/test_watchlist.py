"""The watchlist file: what is written is what is followed, and every mistake names its line and remedy."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline import sample
from signals_pipeline.adapters.watchlist import WatchlistError, load_watchlist, mistakes_in, presets, watchlist_path
from signals_pipeline.core.watchlist import Company

WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=12)


def written(folder: Path, text: str) -> Path:
    path = folder / "watchlist.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@st.composite
def entries(draw: st.DrawFn) -> list[dict[str, object]]:
    symbols = draw(st.lists(st.from_regex(r"[A-Z0-9]{1,4}([.-][A-Z]{1,2})?", fullmatch=True), min_size=1, unique=True))
    names = iter(draw(st.lists(WORDS, min_size=3 * len(symbols), max_size=3 * len(symbols), unique_by=str.casefold)))
    return [
        {"symbol": symbol, "company": next(names), "aliases": [next(names)], "ambiguous_aliases": [next(names)]}
        for symbol in symbols
    ]


@given(entries(), st.booleans())
def test_what_is_written_is_what_is_followed(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[dict[str, object]], flow: bool
) -> None:
    text = yaml.safe_dump(wanted, allow_unicode=True, default_flow_style=flow, sort_keys=False)
    followed = load_watchlist(written(tmp_path_factory.mktemp("watchlist"), text))
    assert followed.symbols == tuple(str(entry["symbol"]) for entry in wanted)
    read = [[company.name, [*company.aliases], [*company.ambiguous_aliases]] for company in followed]
    assert read == [[entry["company"], entry["aliases"], entry["ambiguous_aliases"]] for entry in wanted]


def test_words_that_yaml_would_take_for_truth_values_and_numbers_stay_words(tmp_path: Path) -> None:
    text = "- {symbol: ON, company: 3M, aliases: [Yes, 1e5]}\n- symbol: BRK.B\n  company: Berkshire   Hathaway\n"
    on, berkshire = load_watchlist(written(tmp_path, text))
    assert on == Company("ON", "3M", ("Yes", "1e5"))
    assert berkshire.name == "Berkshire Hathaway"


GOOD = "- {symbol: AAPL, company: Apple Inc., aliases: [iPhone maker]}\n"
MISTAKES = {
    "same symbol": (GOOD + "- {symbol: AAPL, company: Apple}\n", 2, "already on line 1; keep one entry"),
    "same symbol, one line": ("[{symbol: A, company: B}, {symbol: A, company: C}]", 1, "keep one entry"),
    "no symbol": (GOOD + "\n- company: Visa Inc.\n", 3, "field 'symbol' is missing; add"),
    "no company": (GOOD + "- symbol: V\n", 2, "field 'company' is missing; add"),
    "null company": ("- symbol: V\n  company:\n", 2, "'company' has no text; write"),
    "list as company": ("- symbol: V\n  company: [Visa]\n", 2, "'company' has no text; write"),
    "blank alias": ("- symbol: V\n  company: Visa\n  aliases: ['  ']\n", 3, "'aliases' has no text; write"),
    "unknown key": ("- symbol: V\n  company: Visa\n  alias: [Visa]\n", 3, "unknown key 'alias'; use symbol, company"),
    "key twice": ("- symbol: V\n  company: Visa\n  company: Visa\n", 3, "appears twice in this entry; keep one"),
    "not a list": ("symbol: V\n", 1, "not a list of companies; write"),
    "empty list": ("[]\n", 1, "no company; add"),
    "bare symbols": ("- V\n", 1, "not a company entry; write"),
    "aliases as text": ("- symbol: V\n  company: Visa\n  aliases: Visa\n", 3, "'aliases' is not a list; write [name"),
    "small letters": ("- symbol: aapl\n  company: Apple\n", 1, "symbol 'aapl'; use capitals"),
    "cashtag": ("- symbol: $V\n  company: Visa\n", 1, "symbol '$V'; use capitals"),
    "space": ("- symbol: BRK B\n  company: Berkshire\n", 1, "symbol 'BRK B'; use capitals"),
    "claimed alias": (GOOD + "- {symbol: V, company: Visa, aliases: [IPHONE MAKER]}\n", 2, "claimed by AAPL (line 1)"),
    "alias is a name": (GOOD + "- {symbol: V, company: Visa, aliases: [Apple Inc.]}\n", 2, "claimed by AAPL (line 1)"),
    "alias in both lists": ("- {symbol: V, company: W, aliases: [A], ambiguous_aliases: [A]}", 1, "keep it once"),
    "broken YAML": (GOOD + "- {symbol: V\n", 3, "not YAML (expected ',' or '}'"),
    "cik of letters": ("- symbol: V\n  company: Visa\n  cik: V123\n", 3, "cik 'V123'; write the SEC's number"),
    "cik of zeros": ("- symbol: V\n  company: Visa\n  cik: 000\n", 3, "cik '000'; write"),
    "cik too long": ("- symbol: V\n  company: Visa\n  cik: 12345678901\n", 3, "at most ten digits"),
    "symbol of 40 characters": (f"- symbol: {'A' * 40}\n  company: B\n", 1, "... has 40 characters; use at most 32"),
    "name of a page": (f"- symbol: A\n  company: {'B ' * 999}\n", 2, "'company': 'B B B"),
    "escaped NUL": ('- symbol: A\n  company: "B\\0"\n', 2, "has the character U+0000, which is no text; remove it"),
    "half a character": ('- symbol: A\n  company: "B\\ud800"\n', 2, "has the character U+D800"),
    "long key": (f"- {'A' * 900}: B\n", 1, "'AAAAAAAAAA"),
    "key of a list": ("- ? [A, B]\n  : C\n", 1, "a key is a list or mapping; use symbol, company"),
    "key of itself": ("- ? &a [*a]\n  : C\n", 1, "a key is a list or mapping; use symbol, company"),
    "list of itself": ("&a [*a]\n", 1, "not a company entry; write"),
    "company of itself": ("- &a {symbol: A, company: *a}\n", 1, "'company' has no text; write"),
    "merged mapping": ("- &a {symbol: A, company: B}\n- {<<: *a, symbol: C}\n", 2, "unknown key '<<'; use"),
    "deep in a line": ("[" * 3_000 + "]" * 3_000, 1, "nested deeper than a watchlist is"),
    "deep in lines": ("".join(" " * at + "-\n" for at in range(900)), 9, "nested deeper than a watchlist is"),
    "deep in mappings": ("- " + "{a: " * 3_000 + "}" * 3_000, 1, "nested deeper than a watchlist is"),
    "two documents": (GOOD + "---\n" + GOOD, 2, "not YAML"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_file_line_and_remedy(tmp_path: Path, mistake: str) -> None:
    text, line, words = MISTAKES[mistake]
    path = written(tmp_path, text)
    with pytest.raises(WatchlistError) as raised:
        load_watchlist(path)
    message = str(raised.value)
    assert message.startswith(f"{path} line {line}: ")
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "can't be read"),
        (b"", "empty; add"),
        (b"# only a comment\n", "empty; add"),
        (b"- symbol: \xff\n", "byte 10 is not UTF-8; save"),
        (b"- symbol: A\x00\n", "not YAML (unacceptable character"),
    ],
)
def test_a_file_that_is_no_watchlist_is_one_line(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "watchlist.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WatchlistError) as raised:
        load_watchlist(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_bomb_of_aliases_is_one_line(tmp_path: Path) -> None:
    """Nine levels of nine references would be 387 million names."""
    levels = ["a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for above, below in zip("bcdefghi", "abcdefgh", strict=True):
        levels.append(f"{above}: &{above} [{', '.join([f'*{below}'] * 9)}]")
    text = "\n".join(levels) + "\n"
    with pytest.raises(WatchlistError, match="line 1: not a list of companies"):
        load_watchlist(written(tmp_path, text))
    entry = "- symbol: A\n  company: B\n" + "".join(f"  {line}\n" for line in levels)
    with pytest.raises(WatchlistError, match="line 3: unknown key 'a'"):
        load_watchlist(written(tmp_path, entry))


def test_a_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.yaml"
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(WatchlistError, match=r"watchlist.yaml: larger than 500,000 bytes; give the path of a watch"):
        load_watchlist(path)


def test_a_folder_is_one_line(tmp_path: Path) -> None:
    assert mistakes_in(tmp_path) == [f"{tmp_path}: can't be read (Is a directory); give the path of a watchlist file"]


def test_the_sample_follows_companies_of_many_sectors() -> None:
    followed = load_watchlist(sample.WATCHLIST)
    assert len(followed) == 39
    assert len({company.sector for company in followed}) >= 8
    assert followed.company("V").ambiguous_aliases == ("Visa",)
    assert "JPMorgan" in followed.company("JPM").aliases


def test_a_cik_is_taken_without_its_zeros(tmp_path: Path) -> None:
    text = "- {symbol: V, company: Visa, cik: 0001403161}\n- {symbol: MA, company: Mastercard}\n"
    assert [company.cik for company in load_watchlist(written(tmp_path, text))] == ["1403161", ""]


def test_every_mistake_is_found_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + "- symbol: V\n- {symbol: ma, company: Mastercard}\n- {symbol: C, company: Citi}\n")
    found = mistakes_in(path)
    assert [line.split(": ")[0] for line in found] == [f"{path} line 2", f"{path} line 3"]
    with pytest.raises(WatchlistError) as raised:
        load_watchlist(path)
    assert str(raised.value) == found[0]
    assert mistakes_in(written(tmp_path, GOOD)) == []
    assert mistakes_in(tmp_path / "none.yaml") == [
        f"{tmp_path / 'none.yaml'}: can't be read (No such file or directory); give the path of a watchlist file"
    ]


def test_presets_are_followed_by_name_unless_a_file_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dow, megacaps = load_watchlist(Path("dow30")), load_watchlist(Path("nasdaq-megacaps"))
    assert (len(dow), len(megacaps)) == (30, 25)
    assert list(presets()) == ["dow30", "nasdaq-megacaps"]
    both = {company.symbol: company for company in dow}
    for company in (*dow, *megacaps):
        assert company.cik
        assert company.sector
        assert both.get(company.symbol, company) == company
    (tmp_path / "dow30").write_text(GOOD)
    assert load_watchlist(Path("dow30")).symbols == ("AAPL",)
    assert watchlist_path(Path("other")) == Path("other")

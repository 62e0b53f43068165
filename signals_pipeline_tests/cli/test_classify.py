"""`signals classify` reads headlines as the assets do."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from signals_pipeline import sample
from signals_pipeline.adapters.gazetteer import load_gazetteer
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.cli import main as signals
from signals_pipeline.cli import title_lists
from signals_pipeline.cli.classify import REASONS, ClassifyError, InputHeadline, read_titles, with_tagged_companies
from signals_pipeline.cli.title_lists import TitleListError
from signals_pipeline.core.linking.clauses import NO_TONE_REASONS
from signals_pipeline.core.news.evidence import ARCHIVE
from signals_pipeline.core.sentiment.tone import WITHOUT_TONE_BY_CONFIDENCE, WITHOUT_TONE_BY_EVENT
from signals_pipeline.core.text import clean
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline

WATCHLIST = """
- {symbol: MSFT, company: Microsoft Corporation, aliases: [Microsoft]}
- {symbol: INTC, company: Intel Corporation, aliases: [Intel]}
"""


@pytest.fixture
def watchlist(tmp_path: Path) -> Path:
    """A watchlist of two companies."""
    file = tmp_path / "watchlist.yaml"
    file.write_text(WATCHLIST, encoding="utf-8")
    return file


def classified(*arguments: str, text: str = "") -> list[dict[str, object]]:
    """The JSON objects that the command prints."""
    result = CliRunner().invoke(signals, ["classify", "--json", *arguments], input=text, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_title_gives_one_object_with_the_companies_that_it_names(watchlist: Path) -> None:
    text = "Microsoft profit beats estimates\nRain in Spain\nIntel slips while Microsoft gains on record profit\n"

    headlines = classified("-", "--watchlist", str(watchlist), text=text)

    assert [headline["title"] for headline in headlines] == text.splitlines()
    companies = [[company["symbol"] for company in headline["companies"]] for headline in headlines]  # type: ignore[attr-defined]
    assert companies == [["MSFT"], [], ["INTC", "MSFT"]]
    microsoft = headlines[0]["companies"][0]  # type: ignore[index]
    assert microsoft["role"] == "subject"
    assert microsoft["relevance"] == 1
    assert microsoft["event"] == "results"
    assert microsoft["tone"] > 0.5
    assert microsoft["confidence"] > 0.6
    assert microsoft["reason"] is None
    assert headlines[1]["reason"] == "no company of the watchlist"


def test_a_title_without_tone_says_why(watchlist: Path) -> None:
    [headline] = classified("-", "--watchlist", str(watchlist), text="3 stocks to buy now: Microsoft, Intel and more\n")

    for company in headline["companies"]:  # type: ignore[attr-defined]
        assert company["tone"] is None
        assert company["reason"] in REASONS


def test_every_reason_of_the_pipeline_has_words() -> None:
    reasons = {*NO_TONE_REASONS, ARCHIVE, WITHOUT_TONE_BY_CONFIDENCE, WITHOUT_TONE_BY_EVENT}

    assert reasons <= set(REASONS)


def test_a_csv_file_may_have_its_columns_in_any_order(tmp_path: Path) -> None:
    file = tmp_path / "titles.csv"
    file.write_text('source,Title,symbol\nReuters,"Intel, Microsoft rise",intc|msft\n', encoding="utf-8-sig")

    assert list(read_titles(file)) == [InputHeadline("Intel, Microsoft rise", ("INTC", "MSFT"), "Reuters")]


def test_a_csv_file_without_a_title_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "titles.csv"
    file.write_text("headline,symbol\nIntel rises,INTC\n", encoding="utf-8")

    with pytest.raises(ClassifyError, match=r"titles\.csv: no column 'title' in the header \(headline, symbol\)"):
        list(read_titles(file))


@pytest.mark.parametrize("column", ["title", "symbol", "url", "source", "summary", "published_at"])
def test_a_column_that_is_there_twice_is_refused_in_one_line(tmp_path: Path, column: str) -> None:
    file = tmp_path / "titles.csv"
    file.write_text(f"title,{column}, {column.upper()}\nIntel rises,b,c\n", encoding="utf-8")
    for read in (read_titles, title_lists.read_titles):
        with pytest.raises(TitleListError, match=rf"titles\.csv: column '{column}' is there more than once; rename"):
            list(read(file))
    # Columns that are not read may have any names.
    file.write_text("title,note,note\nIntel rises,b,c\n", encoding="utf-8")
    assert [headline.title for headline in read_titles(file)] == ["Intel rises"]


@pytest.mark.parametrize("text", ["", " \n\n", "title,symbol\n", "title\n,\n", "\ufeff"])
def test_a_file_without_a_headline_is_refused_in_one_line(watchlist: Path, text: str) -> None:
    result = CliRunner().invoke(signals, ["classify", "-", "--watchlist", str(watchlist)], input=text)
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "no headline in it; give one title per line" in result.output


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(TitleListError, match=r"can't be read .* check the path"):
        list(read_titles(tmp_path / "missing.txt"))


def test_companies_that_a_tag_names_are_followed_by_their_headline_names(watchlist: Path, tmp_path: Path) -> None:
    file = tmp_path / "titles.csv"
    file.write_text("title,symbol\nNetflix raises prices again,NFLX\n", encoding="utf-8")

    [headline] = classified(str(file), "--watchlist", str(watchlist))

    [company] = headline["companies"]  # type: ignore[misc]
    assert (company["symbol"], company["role"]) == ("NFLX", "subject")


def test_tags_of_followed_and_of_unknown_companies_add_nobody() -> None:
    companies = load_watchlist(sample.WATCHLIST)

    extended = with_tagged_companies(companies, load_gazetteer(), {companies.symbols[0], "NOSUCHTICKER"})

    assert extended == Watchlist(companies.companies)


def test_titles_without_words_are_reported(watchlist: Path) -> None:
    headlines = classified("-", "--watchlist", str(watchlist), text="...\n")

    assert headlines == [{"title": "...", "companies": [], "reason": "no words in it"}]


def test_headlines_are_read_as_the_assets_read_them(pipeline: TestPipeline, tmp_path: Path) -> None:
    windows = SAMPLE_WINDOWS[:6]
    pipeline.run(windows)
    headlines = _frames(pipeline, "headlines")
    sentiment = _frames(pipeline, "sentiment")
    titles = headlines.loc[headlines["symbol"] != "", "title"].drop_duplicates().tolist()
    tags = _tags()
    file = tmp_path / "titles.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("title", "symbol"))
        writer.writerows((title, "|".join(tags[title])) for title in titles)

    answers = {
        (headline["title"], company["symbol"]): company
        for headline in classified(str(file))
        for company in headline["companies"]  # type: ignore[attr-defined]
    }

    assert len(sentiment) > 20
    for row in sentiment.itertuples():
        answer = answers[row.title, row.symbol]
        assert (answer["role"], answer["event"]) == (row.role, row.event)
        assert answer["confidence"] == pytest.approx(row.confidence, abs=1e-4)
        assert answer["reason"] == (row.reason or None)
        assert answer["tone"] == (None if row.reason else pytest.approx(row.score, abs=1e-4))


def _frames(pipeline: TestPipeline, stage: str) -> pd.DataFrame:
    """What a stage stored of all windows."""
    folder = pipeline.settings.signals_data_dir / "frames" / stage
    return pd.concat([pd.read_parquet(file) for file in sorted(folder.glob("*.parquet"))])


def _tags() -> dict[str, list[str]]:
    """The vendor's symbols of the sample's titles, as they are stored."""
    tags: dict[str, list[str]] = {}
    with sample.HEADLINES.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            title, _ = clean(row["title"])
            tags.setdefault(title, []).append(row["symbol"])
    return tags


def test_a_cell_of_any_length_is_read_and_a_file_without_end_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "titles.csv"
    file.write_text(f"title,summary\nMicrosoft gains,{'a' * 200_000}\nIntel slips,b\n", encoding="utf-8")
    assert [headline.title for headline in read_titles(file)] == ["Microsoft gains", "Intel slips"]
    monkeypatch.setattr(title_lists, "MAX_BYTES", 1_000)
    with pytest.raises(TitleListError, match=r"titles.csv: larger than 1,000 bytes; split it$"):
        list(read_titles(file))


def test_a_header_without_a_title_is_shown_in_part_and_without_controls(tmp_path: Path) -> None:
    file = tmp_path / "titles.csv"
    file.write_bytes(b"a,\x1b[31mb," + b"c" * 100_000)
    with pytest.raises(ClassifyError, match=r"no column 'title' in the header \(a, \?\[31mb, c{10,100}\); name it"):
        list(read_titles(file))


def test_standard_input_that_is_no_utf_8_is_read_as_far_as_it_can_be(watchlist: Path) -> None:
    result = CliRunner().invoke(
        signals, ["classify", "--json", "-", "--watchlist", str(watchlist)], input=b"Microsoft \xff gains\n"
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["title"] == "Microsoft \ufffd gains"

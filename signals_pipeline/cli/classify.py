"""`signals classify`: what the pipeline makes of headlines, by the same functions as the assets and without a database.

A headline is cleaned, linked to companies, given its event type and scored exactly as in a window; only what depends on
time is left out: stories, recency and weights. Besides the watchlist's companies, those that a vendor's tag names and
the gazetteer knows are shown, so that a file can be read before anyone has written a watchlist for it.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pandas as pd
from rich.table import Table

from signals_pipeline import sample
from signals_pipeline.adapters.gazetteer import load_gazetteer
from signals_pipeline.adapters.watchlist import load_watchlist, watchlist_path
from signals_pipeline.cli.console import console
from signals_pipeline.cli.title_lists import read_text, titled_rows
from signals_pipeline.core.chunks import chunked
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.linking.gazetteer import Gazetteer, ListedCompany
from signals_pipeline.core.linking.linker import link, with_company_text
from signals_pipeline.core.linking.mentions import symbol_key
from signals_pipeline.core.news.normalisation import RawHeadline, normalise
from signals_pipeline.core.sentiment.events import assign_events
from signals_pipeline.core.sentiment.tone import LABELS, carries_tone, read_tone, texts_to_score
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline.defs.cached_scoring import Scorer
from signals_pipeline.defs.resources import choose_scorer
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import Knobs

# Headlines classified together, so that the first lines of a long file appear early.
CHUNK = 2_000
_MAX_SHOWN = 100  # characters of a header in a message

# A title has no time of its own here; each headline of a chunk gets an instant of its own, by which its rows are found.
_FIRST_INSTANT = datetime(2000, 1, 3, tzinfo=UTC)
_STEP = timedelta(milliseconds=1)

_NO_WORDS = "no words in it"

# Why a headline carries no tone for a company, in words.
REASONS = {
    "archive": "published long before it was first seen",
    "broker": "it comments on something else",
    "confidence": "the model is not sure enough (MIN_SENTIMENT_CONFIDENCE)",
    "event": "this kind of event carries none (TONE_EVENTS)",
    "form": "the title of a filing says nothing of its content",
    "market_data": "an automatic report on trading",
    "mentioned": "nothing is reported of it",
    "no_statement": "the words say nothing of it",
    "other": "another thing of that name",
    "tagged": "only a tag names it",
}


class ClassifyError(SignalsError):
    """The input of `signals classify` can't be read; the message is one line: what, where, what to do."""


@dataclass(frozen=True, slots=True)
class InputHeadline:
    """One line of the input.

    Attributes:
        title: As written.
        tags: The vendor's symbols, capitals.
        source: Publisher; empty where it is not given.
        summary: Lead; empty where it is not given.
        url: Link; empty where it is not given.
    """

    title: str
    tags: tuple[str, ...] = ()
    source: str = ""
    summary: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ClassifiedCompany:
    """What a headline says of one company.

    Attributes:
        symbol: Ticker.
        role: See `core.linking.roles.Role`; empty where only a tag names the company.
        relevance: Weight of the role.
        event: Event type; None where nothing decides.
        tone: Score in [-1, 1] toward the company; None where the headline carries no tone for it.
        confidence: Largest probability of the three classes; None where the words were not scored.
        reason: Why there is no tone; None where there is one.
    """

    symbol: str
    role: str
    relevance: float
    event: str | None
    tone: float | None
    confidence: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ClassifiedHeadline:
    """One line of the output.

    Attributes:
        title: As written in the input.
        companies: By symbol; empty where the headline names no company that is followed.
        reason: Why there is no company; None where there is one.
    """

    title: str
    companies: tuple[ClassifiedCompany, ...]
    reason: str | None = None


# --- Input ---


def read_titles(file: Path) -> Iterator[InputHeadline]:
    """Read a CSV file with a header, or one title per line; `-` is standard input.

    Raises:
        TitleListError: The file can't be read, is too large, has a column twice, or has no titles.
        ClassifyError: A CSV file has no column `title`.
    """
    text = read_text(file, errors="replace")
    rows = titled_rows(file, text)
    if rows is not None:
        for row in rows:
            tags = row.get("symbol", "").replace("|", " ").replace(",", " ").upper().split()
            yield InputHeadline(
                title=row["title"],
                tags=tuple(tags),
                source=row.get("source", ""),
                summary=row.get("summary", ""),
                url=row.get("url", ""),
            )
    elif file.suffix.lower() == ".csv":
        header = ", ".join(text.partition("\n")[0].strip().split(","))[:_MAX_SHOWN]
        header = "".join(character if character.isprintable() else "?" for character in header)
        raise ClassifyError(f"{file}: no column 'title' in the header ({header}); name it, or give plain text")
    else:
        for line in text.splitlines():
            if line.strip():
                yield InputHeadline(line.strip())


# --- Classification ---


class HeadlineClassifier:
    """Classifies headlines as the assets do.

    Args:
        watchlist: The companies that are followed.
        gazetteer: The companies that may be a headline's subject instead.
        scorer: The sentiment model.
        knobs: The settings that shape tone.
    """

    def __init__(self, watchlist: Watchlist, gazetteer: Gazetteer, scorer: Scorer, knobs: Knobs) -> None:
        self._watchlist = watchlist
        self._gazetteer = gazetteer
        self._scorer = scorer
        self._knobs = knobs

    def classify(self, headlines: Sequence[InputHeadline]) -> list[ClassifiedHeadline]:
        """Return what the pipeline makes of each headline, in the same order."""
        # The stages before scoring, as `core.news.evidence` runs them. What a tag names is followed, too.
        tags = {tag for headline in headlines for tag in headline.tags}
        watchlist = with_tagged_companies(self._watchlist, self._gazetteer, tags)
        items = normalise(map(_raw_headline, range(len(headlines)), headlines)).items
        rows = assign_events(with_company_text(link(items, watchlist, self._gazetteer)))

        # The words that speak of a company, scored. A headline that carries no tone has an event all the same.
        logits, _ = self._scorer.score(texts_to_score(rows))
        toned = read_tone(
            rows[carries_tone(rows)],
            logits,
            min_confidence=self._knobs.min_sentiment_confidence,
            tone_events=self._knobs.tone_event_types,
        )
        rows = rows.assign(score=float("nan"), confidence=float("nan"))
        columns = ["event", "score", "confidence", "reason"]
        rows.loc[toned.index, columns] = toned[columns]
        rows = rows.assign(event=self._with_model_events(rows, items))
        return self._by_headline(headlines, rows)

    def _with_model_events(self, rows: pd.DataFrame, items: pd.DataFrame) -> pd.Series:
        """The rows' events, where no rule decides and no tone is carried by what the model makes of the whole title."""
        undecided = rows[(rows["symbol"] != "") & (rows["event"] == "")]
        if undecided.empty:
            return rows["event"]
        titles = items.drop_duplicates("headline_id").set_index("headline_id")[["text", "text_hash"]]
        titles = titles.loc[undecided["headline_id"].drop_duplicates()]
        texts = titles.drop_duplicates("text_hash").set_index("text_hash").assign(span="")
        scores, _ = self._scorer.score(texts)

        # From each row to its title, from there to the title's event.
        hashes = undecided["headline_id"].map(titles["text_hash"])
        events = rows["event"].copy()
        events.loc[undecided.index] = hashes.map(scores["event"])
        return events

    def _by_headline(self, headlines: Sequence[InputHeadline], rows: pd.DataFrame) -> list[ClassifiedHeadline]:
        companies: list[list[ClassifiedCompany]] = [[] for _ in headlines]
        has_words = [False] * len(headlines)
        positions = (rows["published_at"] - pd.Timestamp(_FIRST_INSTANT)) // pd.Timedelta(_STEP)
        names = ("symbol", "role", "relevance", "event", "score", "confidence", "reason")
        columns = [rows[name].tolist() for name in names]
        for position, symbol, role, relevance, event, score, confidence, reason in zip(
            positions.tolist(), *columns, strict=True
        ):
            has_words[position] = True
            if not symbol:
                continue
            has_tone = not reason
            company = ClassifiedCompany(
                symbol=symbol,
                role=role,
                relevance=relevance,
                event=event or None,
                tone=_rounded(score) if has_tone else None,
                confidence=_rounded(confidence),
                reason=reason or None,
            )
            companies[position].append(company)

        classified: list[ClassifiedHeadline] = []
        for headline, found, words in zip(headlines, companies, has_words, strict=True):
            reason = None if found else "no company of the watchlist" if words else _NO_WORDS
            classified.append(ClassifiedHeadline(headline.title, tuple(found), reason))
        return classified


def with_tagged_companies(watchlist: Watchlist, gazetteer: Gazetteer, tags: Collection[str]) -> Watchlist:
    """Return the watchlist and those companies of the gazetteer that a tag names, by their tickers."""
    followed = {symbol_key(symbol) for symbol in watchlist.symbols}
    wanted = {symbol_key(tag) for tag in tags} - followed
    companies = list(watchlist)
    for listed in gazetteer.companies:
        if symbol_key(listed.ticker) in wanted:
            wanted.remove(symbol_key(listed.ticker))
            companies.append(_company(listed, gazetteer))
    return Watchlist(tuple(companies))


def _company(listed: ListedCompany, gazetteer: Gazetteer) -> Company:
    """A listed company as an entry of a watchlist, with the names that headlines use for it."""
    clear: list[str] = []
    ambiguous: list[str] = []
    for name in gazetteer.names(listed):
        words = [word.upper() if name.in_capitals else word.capitalize() for word in name.words]
        (clear if name.use is None else ambiguous).append(" ".join(words))
    return Company(listed.ticker, listed.name, tuple(dict.fromkeys(clear)), tuple(dict.fromkeys(ambiguous)))


class NoCache:
    """A score cache that keeps nothing: a classified title leaves no trace."""

    def get(self, hashes: Iterable[str], model_revision: str) -> pd.DataFrame:  # noqa: ARG002
        """No scores."""
        columns: dict[str, pd.Series] = {name: pd.Series([], dtype="float32") for name in LABELS}
        columns["event"] = pd.Series([], dtype="str")
        return pd.DataFrame(columns, index=pd.Index([], dtype="str", name="text_hash"))

    def put(self, scores: pd.DataFrame, model_revision: str) -> None:
        """Forget the scores."""


def _raw_headline(position: int, headline: InputHeadline) -> RawHeadline:
    return RawHeadline(
        published_at=_FIRST_INSTANT + position * _STEP,
        title=headline.title,
        url=headline.url,
        source=headline.source,
        feed="classify",
        summary=headline.summary,
        tags=headline.tags,
    )


def _rounded(value: float) -> float | None:
    """The value with four decimals; None where it is missing."""
    return None if pd.isna(value) else round(float(value), 4)


# --- Output ---


def print_classified(
    settings: Settings,
    headlines: Iterable[InputHeadline],
    *,
    watchlist: Path | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Classify and print headlines, chunk by chunk.

    Args:
        settings: The deployment, for watchlist, model and knobs.
        headlines: What to classify.
        watchlist: File or preset to use instead.
        model: Name of the model to use instead.
        as_json: One JSON object per headline instead of a table.

    Raises:
        ModelError: The model is not prepared.
        WatchlistError: The watchlist can't be used.
    """
    knobs = settings.knobs
    if model:
        knobs = Knobs.checked(**(knobs.stored() | {"sentiment_model": model}))
    path = watchlist_path(watchlist) if watchlist else settings.signals_watchlist or sample.WATCHLIST
    scorer = choose_scorer(knobs.sentiment_model, settings.models_dir, NoCache())
    classifier = HeadlineClassifier(load_watchlist(path), load_gazetteer(), scorer, knobs)
    for chunk in chunked([*headlines], CHUNK):
        classified = classifier.classify(chunk)
        if as_json:
            for headline in classified:
                click.echo(json.dumps(asdict(headline), ensure_ascii=False))
        else:
            _print_table(classified)


def _print_table(headlines: Sequence[ClassifiedHeadline]) -> None:
    """Each headline with a line per company."""
    output = console()
    for headline in headlines:
        output.print(headline.title, style="bold")
        if headline.reason:
            output.print(f"  {headline.reason}", style="dim")
            continue
        rows = Table(box=None, show_header=False, padding=(0, 2))
        for company in headline.companies:
            rows.add_row(
                company.symbol,
                company.role or "tag only",
                company.event or "-",
                "-" if company.tone is None else f"{company.tone:+.2f}",
                "" if company.confidence is None else f"confidence {company.confidence:.2f}",
                f"no tone: {REASONS.get(company.reason, company.reason)}" if company.reason else "",
            )
        output.print(rows)

"""Titles made from hand-written patterns, with what they say: a tone, a tone for each company, an event type.

The patterns are data: `polarity.toml` (the tone of a title), `relations.toml` (several companies with a tone for each)
and `events.toml` (what happened), with the word lists that all share in `vocabulary.toml` and company names in
`companies.toml`. What a pattern line may hold:

    {A} {B} {C} {D}   a company; {A+} {B-} {C0} give its tone in this line, a bare {A} has the tone of the block
    {K0} {L0}         a bank that rates others; {R0} an authority, {Q0} a rating agency,
    {Z0} an exchange; {X} {Y} an index, a currency or a commodity
    {word}            an entry of the list `words.word`, which may itself hold slots and choices
    {pct} {low_eps}   a number made here; low_ and high_ of one unit are a pair, the first the smaller one
    [rises|is up|]    one of the choices, the empty one included
    ... @opinion      at the end: the event type of this line instead of its block's; @- for none

`held_out_words` of the vocabulary are words that no pattern of these files uses. `held_out.toml`, never trained on,
makes titles that turn on them, so that generalisation can be measured.
"""

import argparse
import random
import re
import string
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

FOLDER = Path(__file__).parent
FILES = ("polarity", "relations", "events")
HELD_OUT = "held_out"  # the same form, for measuring only
_NO_EVENT = "-"
TONES = {"+": "positive", "-": "negative", "0": "neutral"}
Draw = random.Random

# Letters of slots that hold something else than a company: the group of `companies.toml` that they are drawn from.
_OTHER_LETTERS = {
    "K": "brokers",
    "L": "brokers",
    "R": "authorities",
    "Q": "rating_agencies",
    "Z": "exchanges",
    "X": "assets",
    "Y": "assets",
}
_COMPANY_SLOT = re.compile(r"\{([A-Z])([-+0])?\}")
_WORD_SLOT = re.compile(r"\{([a-z]\w*)\}")
_INNER_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_LOWER_WORD = re.compile(r"(?<![\w'’.@/#$-])[a-z][\w'’]*")
_MARK = re.compile(r" ?([,;:()%]|'s\b|\.$)(?!\d) ?")
_WORD_TO_MISTYPE = re.compile(r"[a-z]{5,}")

# Words that Title Case leaves small.
_SMALL_WORDS = frozenset(
    (
        *("a", "an", "the", "of", "to", "in", "on", "for", "and", "or", "as", "at", "by", "with", "from", "vs"),
        *("than", "but", "after", "over", "amid", "into", "via", "up", "per", "its", "is"),
    )
)
_PUBLISHERS = ("Reuters", "MarketWatch", "Bloomberg", "CNBC", "Yahoo Finance", "Barron's", "WSJ", "TheStreet")
_LEADS = ("BRIEF-", "UPDATE 1-", "UPDATE 2-", "Breaking: ", "Report: ", "Exclusive: ", "RT @newswire: ", "JUST IN: ")
_TAGS = ("#stocks", "#earnings", "#trading", "#investing", "#markets", "#news", "🚀", "👀", "🔥", "📉", "💰")


@dataclass(frozen=True, slots=True)
class CompanyTone:
    """A company of a title: every character range that names it (end exclusive) and the tone toward it."""

    name: str
    spans: tuple[tuple[int, int], ...]
    label: str


@dataclass(frozen=True, slots=True)
class Example:
    """A made title; `label` is the tone of the whole title, `event` its type, either None where no pattern says it."""

    title: str
    kind: str
    label: str | None
    companies: tuple[CompanyTone, ...]
    event: str | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of a pattern file and what its block says of it; style "sentence" is never in Title Case nor a post."""

    text: str
    kind: str
    label: str | None
    event: str | None
    style: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A company as titles call it: its ticker and its names, the commonest first."""

    ticker: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """What titles are made from: the patterns of one file, the word lists and the companies."""

    patterns: tuple[Pattern, ...]
    words: Mapping[str, Sequence[str]]
    companies: tuple[Listed, ...]
    others: Mapping[str, tuple[Listed, ...]]
    held_out_words: tuple[str, ...]


def read_companies() -> dict[str, tuple[Listed, ...]]:
    """The companies of `companies.toml` by group."""
    groups = tomllib.loads((FOLDER / "companies.toml").read_text(encoding="utf-8"))
    return {group: tuple(map(_listed, block["text"].strip().splitlines())) for group, block in groups.items()}


def _listed(line: str) -> Listed:
    ticker, _, names = line.partition(" ")
    return Listed(ticker, tuple(name.strip() for name in names.split(";")))


def _label(block: Mapping[str, str], line: str) -> str | None:
    """The tone of a whole title: its block's, or that of its only company."""
    if "label" in block:
        return block["label"]
    tones = {(slot[1], slot[2]) for slot in _COMPANY_SLOT.finditer(line)}
    return TONES[tones.pop()[1]] if len(tones) == 1 else None


def read_source(file: str) -> Source:
    """The patterns of one of `FILES` with the shared word lists; a list of the file's own replaces a shared one."""
    shared = tomllib.loads((FOLDER / "vocabulary.toml").read_text(encoding="utf-8"))
    own = tomllib.loads((FOLDER / f"{file}.toml").read_text(encoding="utf-8"))
    patterns: list[Pattern] = []
    for block in own["patterns"]:
        for line in block["text"].strip().splitlines():
            text, _, event = line.strip().partition(" @")
            label, style = _label(block, text), block.get("style", "title")
            event = event or block.get("event", _NO_EVENT)
            patterns.append(Pattern(text, block["kind"], label, None if event == _NO_EVENT else event, style))
    held_out = [word for words in shared["held_out_words"].values() for word in words]
    groups = read_companies()
    others = {group: groups.pop(group) for group in set(_OTHER_LETTERS.values())}
    companies = tuple(company for group in groups.values() for company in group)
    return Source(tuple(patterns), shared["words"] | own.get("words", {}), companies, others, tuple(held_out))


# --- Numbers ------------------------------------------------------------


def _currency_form(draw: Draw) -> Callable[[float], str]:
    """How one title writes amounts of money: the same currency, unit and decimals throughout."""
    decimals = draw.choice((0, 1, 1, 2))
    sign, unit = draw.choice(
        (
            *(("$", unit) for unit in ("B", "M", " billion", " million", "bn", " mln", "b", "m")),
            *(("EUR ", unit) for unit in ("m", "mn", " million", "bn", " mn")),
            *(("€", unit) for unit in ("m", " million", " billion")),
            *(("£", unit) for unit in ("m", "bn", " million")),
            *(("Rs ", unit) for unit in (" crore", " cr", " crore")),
            *((code + " ", unit) for code in ("SEK", "NOK", "DKK", "C$") for unit in ("m", " million", "bn")),
        )
    )
    return lambda amount: f"{sign}{amount:,.{decimals}f}{unit}"


def _amount(draw: Draw) -> float:
    return draw.choice((draw.uniform(1.1, 9.9), draw.uniform(10, 99), draw.uniform(100, 950)))


def _pairs(draw: Draw) -> dict[str, tuple[str, str]]:
    """A smaller and a larger figure of every unit."""
    form = _currency_form(draw)
    amount, share, rate = _amount(draw), draw.uniform(0.4, 6), draw.uniform(1.2, 38)
    count, price = draw.randint(2, 90) * draw.choice((1, 10, 100, 1_000)), draw.randint(9, 600)
    growth = draw.uniform(1.06, 2.4)
    cents = draw.choice(("$", "$", "$", "EUR ", "€", "£", "Rs "))
    return {
        "money": (form(amount), form(amount * growth + 1.1)),
        "eps": (f"{cents}{share:.2f}", f"{cents}{share * growth + 0.01:.2f}"),
        "rate": (f"{rate:.1f}%", f"{rate * growth + 0.2:.1f}%"),
        "count": (f"{count:,}", f"{round(count * growth) + 1:,}"),
        "target": (f"${price}", f"${round(price * growth) + 1}"),
    }


def _money(draw: Draw) -> str:
    return _currency_form(draw)(_amount(draw))


def _pct(draw: Draw) -> str:
    number = draw.choice((str(draw.randint(1, 60)), f"{draw.uniform(0.3, 19):.1f}"))
    return number + draw.choice(("%", "%", "%", "%", " percent", " pct"))


def _quarter(draw: Draw) -> str:
    place = draw.randrange(4)
    ordinal = ("first", "second", "third", "fourth")[place]
    return draw.choice(
        (f"Q{place + 1}", f"Q{place + 1}", f"the {ordinal} quarter", "the quarter", f"{ordinal} quarter")
    )


def _quarterly(draw: Draw) -> str:
    place = draw.randrange(4)
    ordinal = ("first", "second", "third", "fourth")[place]
    return draw.choice((f"Q{place + 1}", f"{ordinal}-quarter", "quarterly", f"Q{place + 1}", "full-year", "half-year"))


NUMBERS: dict[str, Callable[[Draw], str]] = {
    "money": _money,
    "pct": _pct,
    "quarter": _quarter,
    "quarterly": _quarterly,
    "year": lambda draw: str(draw.randint(2014, 2030)),
    "few": lambda draw: str(draw.randint(2, 30)),
    "day_number": lambda draw: str(draw.randint(1, 28)),
    "price": lambda draw: f"${draw.choice((draw.randint(4, 900), round(draw.uniform(2, 400), 2)))}",
    "count": lambda draw: f"{draw.choice((draw.randint(12, 900), draw.randint(10, 900) * 100)):,}",
    "big_count": lambda draw: draw.choice((f"{draw.randint(2, 90)},000", f"{draw.uniform(1, 9):.1f} million")),
}


# --- Titles ------------------------------------------------------------


@dataclass(slots=True)
class _Piece:
    """A stretch of a title: plain text, or the name of a company, given by its letter."""

    text: str
    letter: str = ""


@dataclass(slots=True)
class _Title:
    """A title while it is put together."""

    pieces: list[_Piece]
    tones: dict[str, str] = field(default_factory=dict)


class Maker:
    """Makes titles from one source; `seed` fixes every choice."""

    def __init__(self, source: Source, seed: int, *, mistyped: float = 0.0) -> None:
        """Sort the patterns by kind and label.

        Args:
            source: Patterns, words and companies.
            seed: Of every choice.
            mistyped: Share of titles with a typing error in one word that is no name.
        """
        self._source, self._draw, self._mistyped = source, random.Random(seed), mistyped  # noqa: S311 - repeatable
        self._by_kind: dict[str, dict[str, list[Pattern]]] = {}
        for pattern in source.patterns:
            by_label = self._by_kind.setdefault(pattern.kind, {})
            by_label.setdefault(pattern.label or "", []).append(pattern)

    def examples(self, count: int) -> Iterator[Example]:
        """Different titles in the order they were drawn: by kind, in it by label, in that evenly by pattern.

        A kind is drawn by the root of the number of its patterns; the labels of a kind evenly, but patterns without one
        in proportion to their number.
        """
        kinds = {kind: sum(map(len, by_label.values())) for kind, by_label in self._by_kind.items()}
        weights = [patterns**0.5 for patterns in kinds.values()]
        seen: set[str] = set()
        misses = 0
        while len(seen) < count and misses < 50 * count:
            kind = self._draw.choices(list(kinds), weights)[0]
            by_label = self._by_kind[kind]
            unlabelled = len(by_label.get("", ())) / kinds[kind]
            labels = [label for label in by_label if label]
            label = "" if self._draw.random() < unlabelled else self._draw.choice(labels)
            example = self.example(self._draw.choice(by_label[label]))
            if example.title in seen:
                misses += 1
                continue
            seen.add(example.title)
            yield example

    def example(self, pattern: Pattern) -> Example:
        """One title of a pattern."""
        title = self._pieces(pattern, self._expanded(pattern.text))
        self._dress(title, pattern)
        return self._assembled(title, pattern)

    def _expanded(self, text: str) -> str:
        """The pattern with choices taken, words and numbers in their slots; companies are left."""
        pairs = _pairs(self._draw)

        def fill(slot: re.Match[str]) -> str:
            name = slot[1]
            bound, _, unit = name.partition("_")
            if bound in {"low", "high"} and unit in pairs:
                return pairs[unit][bound == "high"]
            return NUMBERS[name](self._draw) if name in NUMBERS else self._draw.choice(self._source.words[name])

        def choose(choice: re.Match[str]) -> str:
            return self._draw.choice(choice[1].split("|"))

        # Inner choices first, then words, which may bring choices and words of their own.
        while _INNER_CHOICE.search(text) or _WORD_SLOT.search(text):
            while _INNER_CHOICE.search(text):
                text = _INNER_CHOICE.sub(choose, text)
            text = _WORD_SLOT.sub(fill, text, count=1)
        # An empty choice leaves two blanks, or one before a comma.
        return re.sub(r" +(?=[,:;?!])", "", re.sub(r" {2,}", " ", text)).strip()

    def _pieces(self, pattern: Pattern, text: str) -> _Title:
        """The text cut at its companies, which get names; the tone of each."""
        companies = dict(zip("ABCD", self._draw.sample(self._source.companies, 4), strict=True))
        drawn = {company.names[0] for company in companies.values()}
        for letter, group in _OTHER_LETTERS.items():
            companies[letter] = self._draw.choice([o for o in self._source.others[group] if o.names[0] not in drawn])
            drawn.add(companies[letter].names[0])
        title = _Title([])
        end = 0
        for slot in _COMPANY_SLOT.finditer(text):
            letter, sign = slot[1], slot[2]
            tone = TONES[sign] if sign else pattern.label
            if tone is None:
                message = f"no tone for {slot[0]} in {pattern.text!r}"
                raise ValueError(message)
            title.pieces.append(_Piece(text[end : slot.start()]))
            title.pieces += self._named(companies[letter], letter, first=letter not in title.tones, style=pattern.style)
            title.tones.setdefault(letter, tone)
            end = slot.end()
        title.pieces.append(_Piece(text[end:]))
        if title.tones and pattern.style == "title" and self._draw.random() < 0.08:
            title.pieces = [
                _Piece(f"${companies[min(title.tones)].ticker}", min(title.tones)),
                _Piece(" - "),
                *title.pieces,
            ]
        return title

    def _named(self, company: Listed, letter: str, *, first: bool, style: str) -> list[_Piece]:
        """A company as a title writes it: mostly its common name, sometimes with its ticker or as a cashtag."""
        common = company.names[0]
        if not first:
            return [_Piece(common, letter)]
        if letter in _OTHER_LETTERS:
            return [_Piece(self._draw.choice(company.names), letter)]
        form = self._draw.random()
        name = common if form < 0.72 else self._draw.choice(company.names)
        if style == "sentence" or form < 0.88:
            return [_Piece(name, letter)]
        if form < 0.93:
            return [_Piece(f"${company.ticker}", letter)]
        exchange = self._draw.choice(("", "", "NYSE:", "NASDAQ:"))
        return [_Piece(name, letter), _Piece(f" ({exchange}"), _Piece(company.ticker, letter), _Piece(")")]

    def _dress(self, title: _Title, pattern: Pattern) -> None:
        """Case, a publisher, a lead, a link, a typing error: what changes nothing of what a title says."""
        draw = self._draw
        if pattern.style == "sentence":
            self._as_release(title)
        elif draw.random() < 0.4:
            for piece in title.pieces:
                if not piece.letter:
                    piece.text = _LOWER_WORD.sub(_capitalised, piece.text)
        if draw.random() < self._mistyped:
            self._mistype(title)
        first = title.pieces[0] if title.pieces[0].text else title.pieces[1]
        if not first.letter:
            first.text = _upper_first(first.text)
        if pattern.style == "sentence":
            return
        dress = draw.random()
        if dress < 0.05:
            title.pieces.append(_Piece(draw.choice((" - ", " | ")) + draw.choice(_PUBLISHERS)))
        elif dress < 0.09:
            title.pieces.insert(0, _Piece(draw.choice(_LEADS)))
        elif dress < 0.15:
            link = "".join(draw.choices(string.ascii_letters + string.digits, k=10))
            title.pieces.append(_Piece(f"{draw.choice((' ', '… '))}https://t.co/{link}"))
        elif dress < 0.18:
            title.pieces.append(_Piece(" " + draw.choice(_TAGS)))
        elif dress < 0.21 and not title.pieces[-1].text.endswith(("?", "!")):
            title.pieces.append(_Piece(self._expanded("[: {source}|: {source}|, sources say|, {source} says]")))
        elif dress < 0.25 and not title.pieces[0].text and title.pieces[1].text[0] != "$":
            title.pieces.insert(0, _Piece(_upper_first(self._expanded("{trade}")) + " "))

    def _as_release(self, title: _Title) -> None:
        """The turns of a company's release or a local agency: who it is, who says it, words and marks set apart."""
        draw = self._draw
        starts_with_company = len(title.pieces) > 1 and not title.pieces[0].text
        if starts_with_company and draw.random() < 0.3:
            title.pieces.insert(0, _Piece(self._expanded("[{nation} {trade}|{nation} company|{trade}]") + " "))
        said = any(" said" in piece.text for piece in title.pieces)
        if draw.random() < 0.2 and not said:
            title.pieces.append(_Piece(self._expanded("{says_so}")))
        elif draw.random() < 0.1:
            title.pieces.insert(0, _Piece(self._expanded("{dateline}") + " "))
        title.pieces.append(_Piece(draw.choice((".", ".", " .", ""))))
        if draw.random() < 0.25:
            for piece in title.pieces:
                if not piece.letter:
                    piece.text = re.sub(r" {2,}", " ", _MARK.sub(r" \1 ", piece.text)).replace(" 's", " 's")
            title.pieces[-1].text = title.pieces[-1].text.rstrip()

    def _mistype(self, title: _Title) -> None:
        """Swap, drop or double a letter inside one word that is no name."""
        words = [
            (piece, word)
            for piece in title.pieces
            if not piece.letter
            for word in _WORD_TO_MISTYPE.finditer(piece.text)
        ]
        if not words:
            return
        piece, word = self._draw.choice(words)
        place = self._draw.randrange(word.start() + 1, word.end() - 1)
        before, letters, after = piece.text[:place], piece.text[place : place + 2], piece.text[place + 2 :]
        piece.text = before + self._draw.choice((letters[::-1], letters[1:], letters[0] + letters)) + after

    @staticmethod
    def _assembled(title: _Title, pattern: Pattern) -> Example:
        """The title as text, with the character ranges of every company."""
        text = ""
        spans: dict[str, list[tuple[int, int]]] = {}
        names: dict[str, str] = {}
        for piece in title.pieces:
            # "Macy's's" is written "Macy's"; marks that were set apart bring one blank, not two.
            if text.endswith("'s"):
                piece.text = piece.text.removeprefix("'s")
            if text.endswith(" "):
                piece.text = piece.text.lstrip()
            if piece.letter:
                spans.setdefault(piece.letter, []).append((len(text), len(text) + len(piece.text)))
                names.setdefault(piece.letter, piece.text)
            text += piece.text
        text = text.rstrip()
        companies = tuple(
            CompanyTone(names[letter], tuple(spans[letter]), tone) for letter, tone in title.tones.items()
        )
        return Example(text, pattern.kind, pattern.label, companies, pattern.event)


def _upper_first(text: str) -> str:
    return text[0].upper() + text[1:]


def _capitalised(word: re.Match[str]) -> str:
    return word[0] if word[0] in _SMALL_WORDS else _upper_first(word[0])


def pattern_examples(file: str, count: int, seed: int, *, mistyped: float = 0.0) -> list[Example]:
    """As many different titles of one of `FILES`; the same arguments give the same list.

    Args:
        file: One of `FILES`, or `HELD_OUT` for measuring.
        count: Titles in all; fewer only if the patterns have no more.
        seed: Of every choice.
        mistyped: Share of titles with a typing error.
    """
    return list(Maker(read_source(file), seed, mistyped=mistyped).examples(count))


def _counts(file: str, count: int, seed: int) -> None:
    """Print patterns and different titles among `count` draws of every kind."""
    source = read_source(file)
    patterns = Counter(pattern.kind for pattern in source.patterns)
    draw = random.Random(seed)  # noqa: S311 - repeatable, no secret
    for kind, number in patterns.items():
        lines = tuple(pattern for pattern in source.patterns if pattern.kind == kind)
        maker = Maker(replace(source, patterns=lines), seed)
        titles = {maker.example(draw.choice(lines)).title for _ in range(count)}
        print(f"{kind:16} {number:5} patterns {len(titles):7} different titles of {count}")
    print(f"{'all':16} {patterns.total():5} patterns")


def main() -> None:
    """Print titles to read through with what they are said to say, or how many there are of every kind."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("file", choices=(*FILES, HELD_OUT))
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", action="store_true", help="count patterns and different titles of every kind")
    settings = parser.parse_args()
    if settings.kinds:
        _counts(settings.file, settings.count, settings.seed)
        return
    for example in pattern_examples(settings.file, settings.count, settings.seed):
        tones = ", ".join(f"{company.name}={company.label}" for company in example.companies)
        print(f"{example.kind:16} {example.label or '-':9} {example.event or '-':9} {example.title}  [{tones}]")


if __name__ == "__main__":
    main()

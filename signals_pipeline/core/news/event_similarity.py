"""How likely two headlines of one company report the same event: a logistic regression over a few features of the pair.

A headline is reduced to what names its event: stems without the company's own names, publishers and common words, verbs
of one meaning as one word, amounts rounded to two digits. Which rows are compared and how pairs become stories is in
`stories`; the coefficients were fitted by `benchmarks.fit_stories` on the development pairs.
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from signals_pipeline.core.news.word_rarity import RARE, rarity
from signals_pipeline.core.watchlist import Company


@dataclass(frozen=True, slots=True)
class _Family:
    """Verbs and nouns of one meaning, compared as one word.

    Attributes:
        token: The token that stands for them.
        weight: What it weighs: less than a rare word, since many headlines of a company speak of deals or results.
        words: Its members, casefolded, separated by white space.
    """

    token: str
    weight: float
    words: str


_FAMILIES = (
    _Family(
        "=deal",
        3.2,
        """
        acquire acquires acquired acquiring acquisition acquisitions buy buys buying bought purchase purchases
        takeover merger merge merges merging deal bid combine combining combines snaps
        """,
    ),
    _Family(
        "=results",
        1.5,
        """
        earnings profit profits results result eps revenue revenues quarter quarterly beat beats miss misses
        tops topped q1 q2 q3 q4 transcript net income sales
        """,
    ),
    _Family(
        "=rating",
        2.0,
        """
        upgrade upgrades upgraded downgrade downgrades downgraded target rating pt overweight underweight
        outperform underperform maintains maintained reiterates initiates initiated
        """,
    ),
    _Family(
        "=down",
        1.5,
        """
        fall falls fell falling drop drops dropped slide slides slip slips sink sinks sank tumble tumbles plunge
        plunges plunged decline declines declining down lower slump slumps slumped dip dips dipped plummet
        plummets plummeted tank tanks shed sheds pressured
        """,
    ),
    _Family(
        "=up",
        1.5,
        """
        rise rises rose rising jump jumps jumped gain gains gained surge surges surged soar soars soared climb
        climbs climbed up higher rally rallies rallied rallying pop pops popped
        """,
    ),
    _Family(
        "=launch",
        1.2,
        """
        launch launches launched launching unveil unveils unveiled introduce introduces introducing announce
        announces announced debut debuts release releases released reveal reveals rolls offer offers start
        starts open opens
        """,
    ),
    _Family(
        "=legal",
        3.0,
        """
        sue sues sued lawsuit suit court judge ruling antitrust legal settle settles settled settlement
        """,
    ),
    _Family(
        "=job",
        3.5,
        """
        layoff layoffs lay lays job jobs workforce fires
        """,
    ),
    _Family(
        "=cut",
        2.5,
        """
        cut cuts cutting slash slashes trim trims reduce reduces
        """,
    ),
    _Family(
        "=talk",
        1.5,
        """
        talks considering considers mull mulls mulling exploring weighs near nears discuss discussing
        """,
    ),
    _Family(
        "=ceo",
        2.5,
        """
        ceo chief
        """,
    ),
    _Family(
        "=new",
        0.7,
        """
        new next
        """,
    ),
    _Family(
        "=raise",
        2.0,
        """
        raise raises raised lift lifts boost boosts hike hikes
        """,
    ),
)
_FAMILY_OF_WORD = {word: family.token for family in _FAMILIES for word in family.words.split()}
_FAMILY_WEIGHT = {family.token: family.weight for family in _FAMILIES}


def _words_of(text: str) -> list[str]:
    return text.split()


# Words that say nothing about the event: function words, publishers and their formats, legal forms.
_STOP_WORDS = frozenset(
    _words_of(
        """
        a an the of to in on at for by with from and or as is are was were be been has have had will would can
        could may might its it his her their they them he she we you your i my our this that these those after
        before over out into than then but not no if so what why how who when where which about more most all
        just amid via vs here there do did does doesn isn don re ll ve first say says said report reports
        reported reportedly source sources news inc corp corporation company co ltd plc group holdings platforms
        stock stocks share shares nasdaq nyse wsj reuters cnbc bloomberg barron barrons seekingalpha seeking
        alpha marketwatch forbes benzinga zacks premarket tech analyze board view video audio breaking alert
        update rt read commented today know need best top biggest active session sessions moving watch week month
        day looking informed now jim cramer
        """
    )
)
# Words of a company's registered name that are not its name.
_LEGAL_FORMS = frozenset(
    _words_of(
        """
        the inc incorporated corp corporation company co ltd limited plc group holding holdings sa ag nv se and
        class common ordinary adr
        """
    )
)
# A title that begins with one of these does not begin with its subject.
_LEADS = frozenset(
    _words_of(
        """
        transcript hot update exclusive breaking key big top best
        """
    )
)

# Mark of the token of a text that has no word that counts.
_WHOLE_TEXT = "*"

# Tokens by which headlines find each other weigh at least this: below are `=new` and `=launch`.
_LOOKUP_WEIGHT = 1.5

# Words that advise in an opinion piece and name a deal elsewhere.
_ADVICE = frozenset(("buy", "buys", "buying"))

_MENTION = re.compile(r"@\w+:?")
_POSSESSIVE = re.compile(r"['’]s\b|['’]")
_QUARTER = re.compile(r"\b(first|second|third|fourth)[- ]quarter\b|\b(?:fiscal )?([1-4])q\b")
_QUARTER_NUMBER = {"first": "1", "second": "2", "third": "3", "fourth": "4"}
_TOKEN = re.compile(
    r"(?P<number>\d+(?:,\d{3})*(?:\.\d+)?)"
    r"\s?(?P<unit>%|percent\b|(?:k|thousand|m|mn|mln|million|b|bn|bln|billion|t|tn|trillion)\b)?"
    r"|(?P<word>[^\W\d_][^\W_]*)"
)
_SCALE = {
    **dict.fromkeys(("k", "thousand"), 1e3),
    **dict.fromkeys(("m", "mn", "mln", "million"), 1e6),
    **dict.fromkeys(("b", "bn", "bln", "billion"), 1e9),
    **dict.fromkeys(("t", "tn", "trillion"), 1e12),
}
# Ending, minimum length of the word, what takes the ending's place. Short words keep theirs: `ties` is `tie`.
_ENDINGS = (("ies", 5, "y"), ("ing", 6, ""), ("ed", 5, ""), ("s", 4, ""))

# Kinds of headlines, by words that decide them.
_PREVIEW = re.compile(
    r"\b(?:previews?|ahead of|what to expect|to expect|expected to|expects?|to report|to release"
    r"|reports? (?:earnings |results |q[1-4] results )?(?:tomorrow|today|on|next)|before|tomorrow|upcoming"
    r"|going into|heading into|looms?|on deck|set to (?:report|release|post)|should (?:beat|miss|boost)|to watch"
    r"|spotlight|will report|analysts? expect|eyes? on|week ahead|scheduled|kicks? off|seen|faces?|collide|in focus)\b"
    r"|earnings:? beat, miss|earnings\?|^can .*\?"
)
_RESULTS = re.compile(
    r"\b(?:earnings call|earnings transcript|results"
    r"|q[1-4] (?:20\d\d )?(?:earnings|results|profits?|revenues?|sales|loss|eps|net|gaap|beats?|adj)"
    r"|earnings (?:beat|miss|top|lag|fall|rise|jump|slide|drop|surge|show|report|release|review|disappoint|live)s?"
    r"|(?:beats?|miss(?:es)?|tops?|topped|smash\w*|crush\w*|trounced)"
    r" (?:out )?(?:by|on|wall|q[1-4]|earnings|profit|revenue|sales|estimates|expectations|analyst\w*|forecasts?|the)"
    r"|(?:after|on|following|posts?|posted|reports?|reported|swings? to|strong|record|blowout|flat|mixed|weak)"
    r" (?:\w+ )?(?:q[1-4]|quarterly|earnings|profits?|results|revenues?|loss)"
    r"|profits? (?:beat|miss|falls?|rises?|jumps?|up|down|dips?|drops?|slides?|soar|surge)"
    r"|(?:revenues?|net income|sales|net)"
    r" (?:\w+ )?(?:beat|miss|falls?|fell|rises?|rose|jumps?|up|down|grows?|grew|plunged|climbs|unchanged|of))\b"
)
_RATING = re.compile(
    r"\b(?:upgrad\w+|downgrad\w+|price targets?|target price|pt|overweight|underweight|outperform|underperform"
    r"|reiterat\w+|initiat\w+ (?:coverage|at|with)|equal[- ]weight|market perform|price objective|rating"
    r"|stock price for)\b"
)
_BROKER = re.compile(
    r"\b(?:goldman|morgan stanley|jpmorgan|j\.?p\.? ?morgan|citi(?:group)?|bofa|bank of america|merrill|ubs|barclays"
    r"|deutsche|credit suisse|hsbc|wells fargo|jefferies|cowen|piper|raymond james|rbc|bmo|baird|leerink|wedbush"
    r"|oppenheimer|needham|stifel|evercore|bernstein|mizuho|nomura|keybanc|truist|susquehanna|rosenblatt|canaccord|loop"
    r"|telsey|guggenheim|cantor|benchmark|argus|morningstar|moody'?s|fitch|s&p global|standard & poor'?s|fbr"
    r"|pacific crest|brean|william blair|btig|macquarie|scotiabank|td|dz bank|daiwa|redburn|moffettnathanson|kbw"
    r"|suntrust|sterne agee|northland|craig-hallum|roth|erste|tigress|wainwright)\b"
)
_OPINION = re.compile(
    r"^\W*(?:why|is|are|should|how|will|can|does|do|could|would|here['’]?s|where|when|\d+ |this|these|my|the \d"
    r"|the case|the real|prediction|forget|better|best|top \d)\b"
    r"|\b(?:buy now|should you|undervalued|overvalued|valuation|long[- ]term|bull case|bear case|a buy|vs\.?)\b"
)
_PRICE = re.compile(
    r"\b(?:shares?|stocks?)\b.*\b(?:falls?|drops?|slides?|slips?|sinks?|sinking|tumbles?|plunges?|declines?|down|lower"
    r"|dips?|dipped|rises?|jumps?|gains?|surges?|surging|soars?|climbs?|up|higher|rall\w+|pops?|popped|surged|jumped"
    r"|soared|fell|rose|dropped|moving|trading|crushed|slumped|hitting)\b"
)
_MARKET = re.compile(
    r"\b(?:s&p|nasdaq|dow|equit(?:y|ies)|futures|indexes|wall street|stock market|markets?|pre-bell"
    r"|stocks (?:rise|fall|to watch|to buy))\b"
)

# Somebody is quoted.
_REMARK = re.compile(
    r"\b(?:ceo|cfo|cramer|boss|chief executive|chairman|analyst)\b.*"
    r"(?::|\bsays?\b|\bsaid\b|\bwarn\w*|\bsees\b|\bisn['’]?t\b)"
    r"|\bcramer\b|^\W*\w+ (?:says|sees|warns|thinks)\b"
)
# A day that a recap or a list names: a weekday, a part of the session, a date.
_DAY = re.compile(
    r"\b(?:(mon|tues|wednes|thurs|fri|satur|sun)day|(midday|premarket|pre-bell|after-hours|morning|afternoon|intraday)"
    r"|((?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.? \d{1,2})(?:st|nd|rd|th)?)\b"
)

# Two reports of results are of one release for so long; a later one speaks of it as known.
_RESULTS_HOURS = 36
# Two recaps of a price move are of one session for so long.
_PRICE_HOURS = 18


@dataclass(frozen=True, slots=True)
class EventWords:
    """What a headline says about its event.

    Attributes:
        tokens: Stems, families of verbs (`=deal`), amounts (`#1.2e+09`, `#%19`) and other numbers (`n737`).
        lookup: The tokens by which headlines of one event find each other: those that weigh enough, or else all.
        weight: Summed weight of the tokens.
        amounts: The tokens that are amounts.
        rare: The stems that few headlines have: names, products, people.
        lead: The stem that the title begins with, `own` where it is the company's name, empty where it is common.
        slots: Word before and after each rare stem.
        days: Weekdays, dates and parts of the session that it names.
        brokers: Names of brokers, where the title is about a rating.
        kinds: The decisive kinds: results, rating, deal, legal.
        is_results: It reports results.
        is_preview: It looks ahead to results.
        is_rating: It reports what an analyst did.
        is_opinion: It is a valuation piece, a list or a question.
        is_price: It recaps a move of the price.
        is_market: It is about the market.
        is_remark: It quotes somebody.
    """

    tokens: frozenset[str]
    lookup: tuple[str, ...]
    weight: float
    amounts: frozenset[str]
    rare: frozenset[str]
    lead: str
    slots: frozenset[tuple[str, str, str]]
    days: frozenset[str]
    brokers: frozenset[str]
    kinds: frozenset[str]
    is_results: bool
    is_preview: bool
    is_rating: bool
    is_opinion: bool
    is_price: bool
    is_market: bool
    is_remark: bool


class PairFeatures(NamedTuple):
    """What speaks for or against two headlines reporting one event; flags are 0 or 1.

    Attributes:
        shared: Share of both headlines' weight that is in both, in [0, 1].
        contained: Share of the shorter headline's weight that is in both, in [0, 1].
        evidence: Logarithm of 1 plus the weight that is in both.
        names: Weight of the rare words in both as a share of it and of those that only one side has, the side with
            fewer; 0 where neither or only one has any.
        no_names: Both have rare words, and none is in both.
        other_slot: A rare word of one stands where the other has another rare word, with the same words around it.
        other_amounts: Both name amounts, and none is in both.
        other_day: Both name a day or a part of the session, and none is in both.
        other_direction: One says up, the other down.
        results: Both report results, at most 36 hours apart, and neither begins with another name.
        other_results: Both report results or moves, and one begins with another name.
        preview: One looks ahead to the results that the other reports.
        deal: Both are about deals.
        rating: Both are about ratings.
        one_rating: One of them is about a rating.
        other_broker: They are about ratings by different brokers.
        other_kind: They are of different decisive kinds.
        price: Both recap a move of the price, at most 18 hours apart.
        market: Both are about the market.
        opinion: Both are opinion pieces.
        remarks: Both quote somebody.
        one_opinion: One of them is an opinion piece.
        hours: Hours between them, in units of 72.
    """

    shared: float
    contained: float
    evidence: float
    names: float
    no_names: float
    other_slot: float
    other_amounts: float
    other_day: float
    other_direction: float
    results: float
    other_results: float
    preview: float
    deal: float
    rating: float
    one_rating: float
    other_broker: float
    other_kind: float
    price: float
    market: float
    opinion: float
    remarks: float
    one_opinion: float
    hours: float


def own_words(company: Company) -> frozenset[str]:
    """The words that name the company itself and so say nothing about an event: its name, its symbol and short forms.

    An alias counts where it begins as the name does (`Citi`, `JPMorgan`); others are products and units, which say
    what a headline is about.
    """
    words = {word for word in _words(company.name) if word not in _LEGAL_FORMS}
    words.update(_words(company.symbol))
    joined_name = "".join(_words(company.name))
    for alias in (*company.aliases, *company.ambiguous_aliases):
        alias_words = _words(alias)
        if len(alias_words) == 1 and joined_name.startswith(alias_words[0][:4]):
            words.add(alias_words[0])
    return frozenset(words)


def event_words(text: str, own: frozenset[str]) -> EventWords:
    """Reduce a headline to what names its event.

    Args:
        text: The headline as a model reads it.
        own: `own_words` of the company.
    """
    plain = " ".join(_MENTION.sub(" ", text).casefold().split())
    simple = _QUARTER.sub(_quarter, _POSSESSIVE.sub("", plain).replace("u.s", "us"))

    # In an opinion piece "buy" is advice, not a deal.
    is_opinion = _OPINION.search(plain) is not None

    # Tokens in order; the words with their neighbours as well.
    tokens: list[str] = []
    words: list[str] = []
    for match in _TOKEN.finditer(simple):
        word = match["word"]
        if word is None:
            token = _number_token(match["number"], match["unit"])
        else:
            words.append(word)
            token = "" if is_opinion and word in _ADVICE else _word_token(word, own)
        if token:
            tokens.append(token)

    # A text without any word that counts is identified by itself.
    unique = frozenset(tokens or [_WHOLE_TEXT + plain])
    heavy = sorted(token for token in unique if token_weight(token) >= _LOOKUP_WEIGHT)
    rare = frozenset(token for token in unique if token[0] not in "=#*" and token_weight(token) == RARE)
    mentions_results = _RESULTS.search(simple) is not None
    is_preview = mentions_results and _PREVIEW.search(plain) is not None
    is_rating = _RATING.search(plain) is not None
    is_results = mentions_results and not is_preview

    kinds: set[str] = set()
    if is_results:
        kinds.add("results")
    if is_rating:
        kinds.add("rating")
    kinds.update(family for family in ("=deal", "=legal") if family in unique)
    return EventWords(
        tokens=unique,
        lookup=tuple(heavy) or tuple(sorted(unique)),
        weight=sum(map(token_weight, unique)),
        amounts=frozenset(token for token in unique if token[0] == "#"),
        rare=rare,
        lead=_lead(words, own),
        slots=_slots(words, own, rare),
        days=frozenset(match.group() for match in _DAY.finditer(plain)),
        brokers=frozenset(_BROKER.findall(plain)) - own if is_rating else frozenset(),
        kinds=frozenset(kinds),
        is_results=is_results,
        is_preview=is_preview,
        is_rating=is_rating,
        is_opinion=is_opinion,
        is_price=not is_results and _PRICE.search(plain) is not None,
        is_market=_MARKET.search(plain) is not None,
        is_remark=_REMARK.search(plain) is not None,
    )


# Log-odds per unit of each feature, and for a pair without any; fitted by `benchmarks.fit_stories`.
COEFFICIENTS = PairFeatures(
    shared=1.06,
    contained=1.34,
    evidence=0.97,
    names=0.45,
    no_names=-0.57,
    other_slot=-1.37,
    other_amounts=-1.16,
    other_day=-1.71,
    other_direction=-1.72,
    results=2.07,
    other_results=-2.22,
    preview=-2.53,
    deal=0.61,
    rating=-0.50,
    one_rating=-1.89,
    other_broker=-3.02,
    other_kind=-1.00,
    price=0.19,
    market=-1.22,
    opinion=-1.25,
    remarks=-1.30,
    one_opinion=-0.47,
    hours=-2.05,
)
INTERCEPT = -1.57


def pair_features(first: EventWords, second: EventWords, hours: float) -> PairFeatures:
    """The features of a pair; the same in both orders."""
    in_both = first.tokens & second.tokens
    shared_weight = sum(map(token_weight, in_both))
    union_weight = first.weight + second.weight - shared_weight
    smaller_weight = min(first.weight, second.weight)

    first_names = sum(map(token_weight, first.rare - second.tokens))
    second_names = sum(map(token_weight, second.rare - first.tokens))
    only_one_side = min(first_names, second_names)
    common_names = sum(map(token_weight, first.rare & second.rare))
    both_named = bool(first.rare and second.rare)
    directions = {"=up", "=down"}
    other_lead = bool(first.lead and second.lead) and first.lead != second.lead
    both_results = first.is_results and second.is_results
    both_price = first.is_price and second.is_price
    is_preview = first.is_preview != second.is_preview and (first.is_results or second.is_results)
    both_rated = first.is_rating and second.is_rating
    return PairFeatures(
        shared=shared_weight / union_weight if union_weight else 1.0,
        contained=shared_weight / smaller_weight if smaller_weight else 0.0,
        evidence=math.log1p(shared_weight),
        names=common_names / (common_names + only_one_side) if both_named else 0.0,
        no_names=float(both_named and not common_names),
        other_slot=float(_has_other_slot(first, second)),
        other_amounts=float(bool(first.amounts and second.amounts) and not first.amounts & second.amounts),
        other_day=float(bool(first.days and second.days) and not first.days & second.days),
        other_direction=float(
            directions == {*(first.tokens & directions), *(second.tokens & directions)} and not in_both & directions
        ),
        results=float(both_results and not other_lead and hours <= _RESULTS_HOURS),
        other_results=float((both_results or both_price) and other_lead),
        preview=float(is_preview),
        deal=float("=deal" in in_both),
        rating=float(both_rated),
        one_rating=float(first.is_rating != second.is_rating),
        other_broker=float(
            both_rated and bool(first.brokers and second.brokers) and not first.brokers & second.brokers
        ),
        other_kind=float(bool(first.kinds and second.kinds) and not first.kinds & second.kinds),
        price=float(both_price and not other_lead and hours <= _PRICE_HOURS),
        market=float(first.is_market and second.is_market),
        opinion=float(first.is_opinion and second.is_opinion),
        remarks=float(first.is_remark and second.is_remark),
        one_opinion=float(first.is_opinion != second.is_opinion),
        hours=hours / 72,
    )


def same_event_probability(first: EventWords, second: EventWords, hours: float) -> float:
    """How likely the two headlines report one event, in [0, 1]; 1 where they say the same in other words.

    Args:
        first: The one headline.
        second: The other, of the same company.
        hours: Hours between them.
    """
    if first.tokens and first.tokens == second.tokens and first.is_preview == second.is_preview:
        return 1.0
    features = pair_features(first, second, hours)
    log_odds = INTERCEPT + sum(map(float.__mul__, COEFFICIENTS, features))
    return 1 / (1 + math.exp(-log_odds))


@lru_cache(maxsize=100_000)  # most words come again and again
def token_weight(token: str) -> float:
    """How much a token says about which event a headline reports."""
    if token[0] == "=":
        return _FAMILY_WEIGHT[token]
    if token[0] == "#":
        return 4.0 if token[1] == "%" else 5.0
    if token[0] == "n" and token[1:2].isdigit():
        return 3.0
    return rarity(token)


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The word without its plural or verb ending and a final e: `rises` and `rising` are compared as one."""
    for ending, minimum_length, replacement in _ENDINGS:
        if word.endswith(ending) and len(word) >= minimum_length and not word.endswith("ss"):
            word = word.removesuffix(ending) + replacement
            break
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def _words(text: str) -> list[str]:
    return [match["word"] for match in _TOKEN.finditer(_POSSESSIVE.sub("", text.casefold())) if match["word"]]


def _quarter(match: re.Match[str]) -> str:
    """`first-quarter` and `1q` as `q1`."""
    return "q" + (_QUARTER_NUMBER.get(match[1] or "") or match[2])


def _word_token(word: str, own: frozenset[str]) -> str:
    """The token of a word; empty where it says nothing about the event."""
    if len(word) == 1 or word in own or word in _STOP_WORDS:
        return ""
    family = _FAMILY_OF_WORD.get(word)
    return family or stem(word)


def _number_token(number: str, unit: str | None) -> str:
    """The token of a number, amounts rounded to two digits; empty for years and for counts below 3."""
    value = float(number.replace(",", ""))
    if unit in {"%", "percent"}:
        return f"#%{value:.2g}"
    if unit:
        return f"#{value * _SCALE[unit]:.2g}"
    is_year = 1990 <= value <= 2035
    is_small_count = value < 3 and "." not in number
    if is_year or is_small_count:
        return ""
    return f"#{value:.2g}" if value >= 1000 else f"n{number}"


def _lead(words: list[str], own: frozenset[str]) -> str:
    """The first word of a title that can be its subject, as a stem."""
    for word in words[:6]:
        if word in own:
            return "own"
        if len(word) == 1 or word in _STOP_WORDS or word in _LEADS:
            continue
        if word in _FAMILY_OF_WORD or rarity(stem(word)) < 4:
            return ""
        return stem(word)
    return ""


def _slots(words: list[str], own: frozenset[str], rare: frozenset[str]) -> frozenset[tuple[str, str, str]]:
    """Word before, rare stem and word after; the company's names as `@`, the ends of the title as `^` and `$`."""
    stems = ["^", *("@" if word in own else stem(word) for word in words), "$"]
    return frozenset(
        (stems[position - 1], stems[position], stems[position + 1])
        for position in range(1, len(stems) - 1)
        if stems[position] in rare
    )


def _has_other_slot(first: EventWords, second: EventWords) -> bool:
    """Whether the same two words enclose a rare word here and another one there."""
    for before, word, after in first.slots:
        if word in second.tokens or (before == "^" and after == "$"):
            continue
        for other_before, other_word, other_after in second.slots:
            same_place = (before, after) == (other_before, other_after)
            if same_place and other_word != word and other_word not in first.tokens:
                return True
    return False

"""When a name that is also an ordinary word, a person or a place means the company: Apple, Target, Gap, Visa, Ford.

Such a name needs a second support. Strong support is the company's symbol (a vendor's tag, `$SYM`, `(SYM)`) or another,
unmistakable name of it in the same item. Weak support is in the sentence around the name, and is refused where the
sentence itself says that the word is something else. The lists of words were chosen by reading real titles.
"""

import re

from signals_pipeline.core.linking.mentions import Mention

_CONTEXT = re.compile(
    r"\b(?:[Ss]hares|[Ss]crips?|[Ss]tocks?|[Ee]arnings|EPS|[Rr]evenues?|[Pp]rofits?|[Dd]ividends?|[Bb]uybacks?"
    r"|[Ss]hareholders?|[Ii]nvestors?|[Aa]nalysts?|CEO|CFO|COO|[Cc]hair(?:man|woman)|[Qq][1-4]|[Qq]uarter(?:ly)?"
    r"|[Gg]uidance|[Uu]pgraded?|[Dd]owngraded?|Inc|Corp|NYSE|NASDAQ|Nasdaq|IPO|[Mm]arket cap"
    r"|[Aa]cqui(?:re|res|red|sition)|[Mm]erger)\b"
)
# Words beside an ambiguous name that make it something else, whatever supports it: price target, H-1B visa, pay gap.
_OTHER_BEFORE = re.compile(
    r"(?:^|[^\w])(?:price|a|an|big|1b|student|work|tourist|entry|travel|exit|gender|pay|wage|income|funding|generation"
    r"|output|budget|trade|skills|wealth|credibility|inflation|emissions|debt|deficit|goose|wild)\s$",
    re.IGNORECASE,
)
_OTHER_AFTER = re.compile(
    r"\s(?:pie|juice|cider|orchards?|prices?|dates?|practice|requirements?|holders?|waivers?|applications?|applicants?"
    r"|bans?|between|rules|sops|fees|crops?|foods|to \$?\d[\d,.]*)\b",
    re.IGNORECASE,
)
# The same, unless the symbol says otherwise: revenue gap, shares gap up, a seller's target list, Visa Steel.
_DOUBTFUL_BEFORE = re.compile(
    r"(?:\b(?:revenues?|profits?|earnings|shares?|stocks?|margins?|power|yield|valuation|performance|growth|sales"
    r"|reveals|closes|narrows|widens|bridges?|closing|bridging|fills?|no|on|the|its)\s|['’]s\s|\w-)$",
    re.IGNORECASE,
)
_DOUBTFUL_AFTER = re.compile(
    r"(?:-(?-i:[a-z])|\s(?:lists?|up|down|of|for|at|returns?)\b"
    r"|\s(?-i:Steel|Cement|Textiles?|Chemicals?|Pharma(?:ceuticals?)?|Motors|Foods|Energy|Power|Mining|Resources|Realty"
    r"|Infra(?:structure|tel)?|Industries|Communications|Telecom|Airlines|Hotels|Bank|Bancorp|Capital|Financial|Insurance"
    r"|Securities|Partners|Therapeutics|Minerals|Petroleum|Semiconductor|REIT|Holdings|Group|Life|Mutual|Infotech)\b)",
    re.IGNORECASE,
)
# Words after any name that make it a place, a trust, another company or the publisher.
_OTHER_THING = re.compile(
    r"\s(?:(?:rainforest|river|basin|jungle|forest|foundation|university|stadium|arena|museum|hospitality)\b"
    r"|(?:finance|news|money|autos)\s*$)",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\s?\(([A-Z.\-]{1,7})\)")
_ACTS = re.compile(
    r"\s(?:(?:acquires|adds|agrees|aims|announces|appoints|asks|beats|begins|bets|builds|buys|challenges|cuts|debuts"
    r"|declares|defies|delays|delivers|denies|develops|doubles|expands|faces|files|hikes|hires|introduces|invests|joins"
    r"|launches|loses|makes|names|offers|orders|overtakes|pays|plans|posts|pulls|raises|recalls|rejects|releases|reports"
    r"|says|seeks|sells|settles|signs|slashes|spends|starts|sues|takes|tests|unveils|wants|warns|wins|agreed|announced"
    r"|acquiring|building|buying|considering|cutting|developing|expanding|facing|hiring|launching|mulling|offering"
    r"|climbs|dips|jumps|plunges|rallies|sinks|slides|slips|soars|surges|tumbles|employees|executives|lawyers"
    r"|planning|preparing|raising|seeking|selling|testing|upping|weighing|working"
    r"|to (?:acquire|build|buy|cut|debut|hire|invest|launch|offer|open|pay|raise|report|sell|spend|unveil))\b)",
    re.IGNORECASE,
)
_POSSESSIVE = re.compile(r"['’]s\s")
_HEAD = re.compile(r"(?:^|[:;]\s|\s[-–—|]\s)[\"“'‘]?$")
# What may stand before a name that stands alone: a capitalised word there could be the rest of a person's name.
_FREE = re.compile(
    r"(?:^|[,:;(\"“‘]\s?|\s[-–—|]\s|\b(?:Why|How|Is|Will|What|Of|For|With|And|By|To|From|As|After|Are|Does|Can|Could"
    r"|Should|Behind|Against|About|Inside|But|When|If|Says?|[a-z][\w’'-]*)\s)$"
)
_DETERMINER = re.compile(
    r"\b(?:the|its|his|her|their|our|your|my|this|each|every|some|any|no|across|near)\s$", re.IGNORECASE
)
# In a title written like a sentence a capital beside the name makes it part of a longer one: Bob McDonald, Arvind Rao.
_CAPITAL_BEFORE = re.compile(r"(?:^|[\w.)’']\s)[A-Z][\w’'-]*[a-z]\s$")
_CAPITAL_AFTER = re.compile(
    r"\s(?!(?:Inc|Corp|Co|Ltd|Limited|Plc|India|China|Europe|Japan|Q[1-4]|H[12]|FY\d*|CEO|CFO|COO|CMD|IPO|PAT|EPS)\b)[A-Z]"
)
# A name that begins with a digit can be a count: "3M subscribers".
_COUNTED = re.compile(
    r"\s(?:subscribers|users|customers|shares|units|people|homes|households|barrels|tons|jobs|downloads|devices|accounts)\b"
)
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_SENTENCE_CASE = 0.6  # share of its longer words in lower case from which on a title is a sentence
_MIN_WORDS = 3


def accepted(mention: Mention, text: str, support: set[str]) -> tuple[str, ...]:
    """The companies that a mention stands for; none where in doubt.

    Args:
        mention: Where a name stands in the text.
        text: The title or lead.
        support: Symbols that tags, cashtags or unmistakable names of this item give.
    """
    if mention.strong:
        return () if _OTHER_THING.match(text, mention.end) else mention.symbols
    if not possible(mention, text):
        return ()
    bracketed = _BRACKETED.match(text, mention.end)
    supported = support | {bracketed[1]} if bracketed else support
    if len(mention.symbols) == 1 and _sentence_supports(mention, text):
        return mention.symbols
    return tuple(symbol for symbol in mention.symbols if symbol in supported)


def possible(mention: Mention, text: str) -> bool:
    """Whether nothing beside the name says that it is something else."""
    before = text[: mention.start]
    other = (pattern.match(text, mention.end) for pattern in (_OTHER_THING, _OTHER_AFTER))
    return not (any(other) or (not mention.strong and _OTHER_BEFORE.search(before)))


def doubtful(mention: Mention, text: str) -> bool:
    """Whether the words beside the name leave open that it is an ordinary word or part of another name."""
    before = text[: mention.start]
    if _DOUBTFUL_BEFORE.search(before) or _DOUBTFUL_AFTER.match(text, mention.end):
        return True
    if text[mention.start].isdigit() and not _HEAD.search(before) and _COUNTED.match(text, mention.end):
        return True
    longer = _CAPITAL_BEFORE.search(before) or _CAPITAL_AFTER.match(text, mention.end)
    return bool(longer) and _is_sentence(before + text[mention.end :])


def _sentence_supports(mention: Mention, text: str) -> bool:
    if doubtful(mention, text):
        return False
    before = text[: mention.start]
    if _CONTEXT.search(before) or _CONTEXT.search(text, mention.end):
        return True
    if _HEAD.search(before) and _ACTS.match(text, mention.end):
        return True
    if not _FREE.search(before) or _DETERMINER.search(before):
        return False
    return bool(_POSSESSIVE.match(text, mention.end)) or _is_proper_noun(mention, text)


def _is_proper_noun(mention: Mention, text: str) -> bool:
    """Whether the title is written like a sentence and the name, not its first word, has a capital of its own."""
    before = text[: mention.start]
    return not _HEAD.search(before) and text[mention.start].isupper() and _is_sentence(before + text[mention.end :])


def _is_sentence(text: str) -> bool:
    """Whether a title is written like a sentence, so that a capital says "proper noun"."""
    words = [word[0] for word in _LONG_WORD.findall(text)]
    return len(words) >= _MIN_WORDS and sum(map(str.islower, words)) >= _SENTENCE_CASE * len(words)

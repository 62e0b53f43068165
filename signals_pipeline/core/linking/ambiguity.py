"""Whether a name that is also an ordinary word, a person or a place means the company.

A name like Apple, Target, Gap, Visa or Ford needs a second support. Strong support is the symbol of the company (a
vendor's tag, `$SYM`, `(SYM)`) or another, unambiguous name of it in the same item. Weak support is in the sentence
around the name, and is refused where the sentence itself says that the word is something else. The lists of words were
chosen by reading real titles. Where names stand in a text is found in `mentions`.
"""

import re

from signals_pipeline.core.linking.gazetteer import NameUse
from signals_pipeline.core.linking.mentions import OFF_LIST_MARK, Mention

# Words of business anywhere in the sentence: with them an ambiguous name is a company's.
_BUSINESS_WORDS = re.compile(
    r"\b(?:[Ss]hares|[Ss]crips?|[Ss]tocks?|[Ee]arnings|EPS|[Rr]evenues?|[Pp]rofits?|[Dd]ividends?|[Bb]uybacks?"
    r"|[Ss]hareholders?|[Ii]nvestors?|[Aa]nalysts?|CEO|CFO|COO|[Cc]hair(?:man|woman)|[Qq][1-4]|[Qq]uarter(?:ly)?"
    r"|[Gg]uidance|[Uu]pgraded?|[Dd]owngraded?|Inc|Corp|NYSE|NASDAQ|Nasdaq|IPO|[Mm]arket cap"
    r"|[Aa]cqui(?:re|res|red|sition)|[Mm]erger)\b"
)
# Words next to an ambiguous name that make it something else, whatever supports it: price target, H-1B visa, pay gap.
_OTHER_MEANING_BEFORE = re.compile(
    r"(?:^|[^\w])(?:price|a|an|big|1b|student|work|tourist|entry|travel|exit|gender|pay|wage|income|funding|generation"
    r"|output|budget|trade|skills|wealth|credibility|inflation|emissions|debt|deficit|goose|wild)\s$",
    re.IGNORECASE,
)
_OTHER_MEANING_AFTER = re.compile(
    r"\s(?:pie|juice|cider|orchards?|prices?(?!\s(?:targets?|forecasts?|\$|offering|IPO|notes|bonds))|dates?|practice|requirements?|holders?|waivers?|applications?|applicants?"
    r"|bans?|between|rules|sops|fees|crops?|foods|to \$?\d[\d,.]*)\b",
    re.IGNORECASE,
)
# The same, unless the symbol says otherwise: revenue gap, shares gap up, a seller's target list, Visa Steel.
_DOUBTFUL_BEFORE = re.compile(
    r"(?:\b(?:revenues?|profits?|earnings|shares?|stocks?|margins?|power|yield|valuation|performance|growth|sales"
    r"|reveals|closes|narrows|widens|bridges?|closing|bridging|fills?|no|on|the|its)\s|['’]s\s|\w-)$",
    re.IGNORECASE,
)
_DOUBTFUL_VERB_AFTER = re.compile(r"\s(?:lists?|up|down|of|for|at|returns?)\b", re.IGNORECASE)
_DOUBTFUL_AFTER = re.compile(
    r"(?:-(?-i:[a-z])"
    r"|\s(?-i:Steel|Cement|Textiles?|Chemicals?|Pharma(?:ceuticals?)?|Motors|Foods|Energy|Power|Mining|Resources|Realty"
    r"|Infra(?:structure|tel)?|Industries|Communications|Telecom|Airlines|Hotels|Bank|Bancorp|Capital|Financial|Insurance"
    r"|Securities|Partners|Therapeutics|Minerals|Petroleum|Semiconductor|REIT|Holdings|Group|Life|Mutual|Infotech)\b)",
    re.IGNORECASE,
)
# Words after any name that make it a place, a building, a trust, a fund, another company or the publisher.
_OTHER_ENTITY = re.compile(
    r"""\s(?:
        (?:rainforest|river|basin|jungle|forest|foundation|university|hospitality|prairie|delta)\b
        |(?-i:Arena|Stadium|Cent(?:er|re)|Field|Theat(?:er|re)|Amphitheat(?:er|re)|Coliseum|Museum|Bowl|Tower|Plaza
            |Marathon|Championship|Classic|Invitational|Racing)\b(?!\s(?:Stocks?|Shares?)\b)
        |(?:finance|news|money|autos|start|investor)\s*$
        # An affiliate that is listed by itself, or a namesake.
        |(?-i:KGaA|HBC|FEMSA|Consolidated|Bottl(?:ing|ers?)|Beverages|Europacific|Amatil|Hellenic|BDC|Phillips)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# A fund of the issuer: "JPMorgan Equity Premium Income ETF"; no words of a sentence stand between.
_FUND = re.compile(
    r"""\s(?:(?!(?:[Tt]o|[Ff]or|[Ww]ith|[Ii]nto|[Oo]f|[Oo]n|Says?|Files?|Targets?|Launch\w*|Announces?|Aims?|Plans?|Could|New
            |Buys?|Seeks?)\b)[A-Z0-9$&][\w&.+%-]*\s){0,8}?(?:ETFs?|ETNs?|Fund|UCITS|Income\sTrust|Mortgage\sTrust)\b""",
    re.VERBOSE,
)
_FUND_WORDS = ("ETF", "ETN", "Fund", "UCITS", "Trust")
# "The Oracle of Omaha", and whoever is called after him.
_ORACLE_OF = re.compile(r"\s[Oo]f\s[A-Z]")
# A place in a state: "Cisco, Texas".
_IN_STATE = re.compile(
    r",\s(?:Texas|Tex\.|TX|Calif(?:ornia|\.)|Ill(?:inois|\.)|Ohio|Ga\.|Georgia|Ark(?:ansas|\.)|Utah|Iowa|Kan(?:sas|\.))"
    r"(?=$|[,.;:)]|\s(?:[a-z]|[-–—]))"
)
# "over 3M jobs": a count, whatever is counted.
_QUANTITY_BEFORE = re.compile(
    r"(?:\b(?:over|about|around|nearly|almost|some|than|least|most|to|by|of|another|extra|roughly|adds?|sells?|sold|loses?"
    r"|gains?|cuts?|has|have|had|reach(?:es|ed)?|hits?|tops?|with|for|the|up to)|[$€£~+])\s?$",
    re.IGNORECASE,
)
_COUNTED_AFTER = re.compile(
    r"(?:\+|-\w|\s(?:more|new|extra|additional|fewer|lost|[a-z]+s)\b|\s(?:Jobs|Users|Subscribers|People|Customers|Barrels"
    r"|Americans|Homes|Units|Vehicles|Cars|Downloads|Accounts|Members|Workers|Households|Tons|Miles)\b)"
)
# The symbol in brackets after a name: "Apple (AAPL)".
_BRACKETED_SYMBOL = re.compile(r"\s?\(([A-Z.\-]{1,7})\)")
# What companies do, directly after a name at the head of a title.
_COMPANY_ACTION = re.compile(
    r"\s(?:(?:acquires|adds|agrees|aims|announces|appoints|asks|beats|begins|bets|builds|buys|challenges|cuts|debuts"
    r"|declares|defies|delays|delivers|denies|develops|doubles|expands|faces|files|hikes|hires|introduces|invests|joins"
    r"|launches|loses|makes|names|offers|orders|overtakes|pays|plans|posts|pulls|raises|recalls|rejects|releases|reports"
    r"|says|seeks|sells|settles|signs|slashes|spends|starts|sues|takes|tests|unveils|wants|warns|wins|agreed|announced"
    r"|acquiring|building|buying|considering|cutting|developing|expanding|facing|hiring|launching|mulling|offering"
    r"|climbs|dips|jumps|plunges|rallies|sinks|slides|slips|soars|surges|tumbles|employees|executives|lawyers"
    r"|will|planning|preparing|raising|seeking|selling|testing|upping|weighing|working"
    r"|to (?:acquire|build|buy|cut|debut|hire|invest|launch|offer|open|pay|raise|report|sell|spend|unveil))\b)",
    re.IGNORECASE,
)
# What else is said of somebody, directly after a name at the head.
_PREDICATE = re.compile(
    r"(?:\s:\s|\s(?:is|isn['’]t|was|wasn['’]t|has|hasn['’]t|may|could|might|will|won['’]t|just|still|now|never|at\s\$"
    r"|accelerates?|breaks?|brings?|deepens?|defeats?|eyes|failed|gets?|goes|grows?|keeps?|leads?|looks?|loses?|moves?|moved"
    r"|opens?|opposes?|promise[sd]?|proves?|pushes|reaches|rebrands?|secures?|stands?|sued|taps|targets|tells|turns?|urged"
    r"|layoffs?|in\sfocus|to\s[a-z]{3,})\b)",
    re.IGNORECASE,
)
# Anywhere in a title: it is about money or technology.
_FINANCE_CONTEXT = re.compile(
    r"(?:\$\d|\b(?:[Bb]illions?|[Tt]rillions?|[Ii]nvest(?:ed|ing|ments?|s)?|[Vv]aluations?|[Ll]ayoffs?|[Ll]awsuits?|[Ss]ettlement"
    r"|[Aa]ntitrust|[Rr]egulat(?:ors?|ory)|AI|CEOs?|Cramer|Cathie Wood|Wall Street|Dow Jones|Nasdaq|[Dd]ata [Cc]enters?"
    r"|[Cc]loud|[Cc]hips?|[Ss]oftware|[Aa]pps?|[Ss]martphones?|[Bb]ull(?:ish)?|[Bb]ear(?:ish)?|[Bb]uy|[Ss]ell|[Bb]uyout|[Bb]onds?"
    r"|[Dd]ebt|IPO|ETFs?|[Tt]ariffs?|[Ss]upply [Cc]hain|[Oo]utlook|[Gg]rowth|[Mm]argins?|[Tt]ech(?:nology)?)\b)"
)
_POSSESSIVE = re.compile(r"['’]s\s")
# The head of a title, or of a part of it after a colon, semicolon or dash.
_TITLE_HEAD = re.compile(r"(?:^|[:;]\s|\s[-–—|]\s)[\"“'‘]?$")
# What may stand before a name that stands alone: a capitalised word there could be the rest of a person's name.
_STANDS_ALONE = re.compile(
    r"(?:^|[,:;(\"“‘]\s?|\s[-–—|]\s|\b(?:Why|How|Is|Will|What|Of|For|With|And|By|To|From|As|After|Are|Does|Can|Could"
    r"|Should|Behind|Against|About|Inside|But|When|If|Says?|Did|Do|Has|Have|Who|Where|[a-z][\w’'-]*)\s)$"
)
# "the target", "its gap": an ordinary word.
_DETERMINER = re.compile(
    r"\b(?:the|its|his|her|their|our|your|my|this|each|every|some|any|no|across|near)\s$", re.IGNORECASE
)
# In a title written like a sentence a capital next to the name makes it part of a longer one: Bob McDonald, Arvind Rao.
_CAPITAL_BEFORE = re.compile(r"(?:^|[\w.)’']\s)[A-Z][\w’'-]*[a-z]\s$")
_CAPITAL_AFTER = re.compile(
    r"\s(?!(?:Inc|Corp|Co|Ltd|Limited|Plc|India|China|Europe|Japan|Q[1-4]|H[12]|FY\d*|CEO|CFO|COO|CMD|IPO|PAT|EPS)\b)[A-Z]"
)
# Short words are in lower case in every title.
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
# From this share of longer words in lower case on, a title is written in sentence case.
_SENTENCE_CASE_SHARE = 0.6
# Fewer longer words say nothing about the case.
_MINIMUM_LONG_WORDS = 3


# Directly after the name of a company, whatever else the name means.
_COMPANY_WORD_AFTER = re.compile(
    r"(?:['’]s?)?\s(?:[Ss]hares?|[Ss]tocks?|[Ee]arnings|[Rr]evenues?|[Pp]rofits?|Q[1-4]|[Ii]nc|[Cc]orp|[Pp]lc|[Ll]td|CEO|CFO"
    r"|COO|[Dd]ividends?|[Gg]uidance|[Ii]nvestors|[Ii]s\s(?:[Uu]p|[Dd]own))\b|,?\sInc\b"
)
# Names that are everyday words of business.
_EVERYDAY_WORDS_LIST = """
    ally arm best block box cap charter chase coach discover dow exchange fox gap general global guess key kick limited
    match national nice now on one open post premium progressive quest range ross roper shell snap southern square
    sprint strategy target team total trade travelers ultra union unity united visa
"""
_EVERYDAY_WORDS = frozenset(_EVERYDAY_WORDS_LIST.split())
# ... and that are words for a whole market.
_MARKET_WORDS_LIST = """
    asian european global international japanese tech us u.s world growth value
"""
_MARKET_WORDS = frozenset(_MARKET_WORDS_LIST.split())


def accepted_symbols(mention: Mention, text: str, supported_symbols: set[str]) -> tuple[str, ...]:
    """Return the companies that a mention stands for; none where in doubt.

    Args:
        mention: Where a name stands in the text.
        text: The title or lead.
        supported_symbols: Symbols that tags, cashtags or unambiguous names of this item give.
    """
    # Which other thing a name off the watchlist means makes no difference.
    if mention.symbols[0][0] != OFF_LIST_MARK and means_other(mention, text):
        return ()
    if mention.unambiguous:
        return mention.symbols

    # A company that is not on the watchlist, and a bare ticker, need words of a company next to them.
    if mention.use is not None:
        bracketed = _BRACKETED_SYMBOL.match(text, mention.end)
        if bracketed and any(symbol[1:] == bracketed[1] for symbol in mention.symbols):
            return mention.symbols
        is_company = mention.use is NameUse.CONTEXT and _company_words_follow(mention, text)
        return mention.symbols if is_company else ()
    if mention.is_ticker:
        is_company = mention.symbols[0] in supported_symbols or _company_words_follow(mention, text)
        return mention.symbols if is_company else ()
    if not may_be_company(mention, text):
        return ()

    # The sentence can't tell companies apart that share a name; only the symbol can.
    if len(mention.symbols) == 1 and _sentence_supports(mention, text):
        return mention.symbols
    bracketed = _BRACKETED_SYMBOL.match(text, mention.end)
    if bracketed:
        supported_symbols = supported_symbols | {bracketed[1]}
    return tuple(symbol for symbol in mention.symbols if symbol in supported_symbols)


def means_other(mention: Mention, text: str) -> bool:
    """Whether the words next to the name make it another thing: a stadium, a fund, a bottler, a count, a place."""
    start, end = mention.start, mention.end
    if _OTHER_ENTITY.match(text, end) or _IN_STATE.match(text, end):
        return True
    if any(word in text for word in _FUND_WORDS) and _FUND.match(text, end):
        return True
    # A count is written like a name that begins with a digit.
    if text[start].isdigit() and text[start:end].isalnum():
        before = text[:start]
        if _COUNTED_AFTER.match(text, end) and not _COMPANY_WORD_AFTER.match(text, end):
            return True
        return bool(before) and _QUANTITY_BEFORE.search(before) is not None and text[end : end + 1] == " "
    return text[start:end] == "Oracle" and _ORACLE_OF.match(text, end) is not None


def _company_words_follow(mention: Mention, text: str) -> bool:
    """Whether an ambiguous name begins a statement about a company: "Block shares fall", "Gap to close stores"."""
    before = text[: mention.start]
    if not _STANDS_ALONE.search(before) or _DETERMINER.search(before):
        return False
    if is_doubtful(mention, text) or not may_be_company(mention, text):
        return False
    at_head = _TITLE_HEAD.search(before) is not None
    if _COMPANY_WORD_AFTER.match(text, mention.end):
        name = text[mention.start : mention.end].casefold()
        return at_head or name not in _MARKET_WORDS
    return at_head and _COMPANY_ACTION.match(text, mention.end) is not None


def is_likely_company(mention: Mention, text: str) -> bool:
    """Whether an ambiguous name means the company where the title names other companies, too.

    Everyday words do not: targets are raised and gaps are closed in titles about companies.
    """
    if (
        _is_everyday(mention, text)
        or mention.is_ticker
        or len(mention.symbols) > 1
        or not text[mention.start].isupper()
    ):
        return False
    return may_be_company(mention, text) and not is_doubtful(mention, text)


def _is_everyday(mention: Mention, text: str) -> bool:
    """Whether a name is an everyday word of business."""
    return text[mention.start : mention.end].casefold() in _EVERYDAY_WORDS


def may_be_company(mention: Mention, text: str) -> bool:
    """Whether no word next to the name says that it is something else."""
    if _OTHER_MEANING_AFTER.match(text, mention.end) or means_other(mention, text):
        return False
    return mention.unambiguous or not _OTHER_MEANING_BEFORE.search(text[: mention.start])


def is_doubtful(mention: Mention, text: str) -> bool:
    """Whether the words next to the name leave open that it is an ordinary word or part of another name."""
    before = text[: mention.start]
    if _DOUBTFUL_AFTER.match(text, mention.end):
        return True
    # "on target", "the revenue gap", "gap up", but "a call on Apple", "Apple up 2%".
    if _is_everyday(mention, text) and (
        _DOUBTFUL_BEFORE.search(before) or _DOUBTFUL_VERB_AFTER.match(text, mention.end)
    ):
        return True

    # Only in sentence case does a capital next to the name say anything.
    has_capital_neighbour = _CAPITAL_BEFORE.search(before) or _CAPITAL_AFTER.match(text, mention.end)
    return bool(has_capital_neighbour) and _is_sentence_case(before + text[mention.end :])


def _sentence_supports(mention: Mention, text: str) -> bool:
    """Whether the sentence around an ambiguous name says that it is the company."""
    if is_doubtful(mention, text):
        return False
    before = text[: mention.start]
    at_head = _TITLE_HEAD.search(before)

    # A word of business anywhere, or an action of companies directly after a name at the head.
    if _BUSINESS_WORDS.search(before) or _BUSINESS_WORDS.search(text, mention.end):
        return True
    if at_head and _COMPANY_ACTION.match(text, mention.end):
        return True
    # Words of finance and technology support a name, but no everyday word: gaps cost billions, too.
    if not _is_everyday(mention, text):
        if at_head and _PREDICATE.match(text, mention.end):
            return True
        if _FINANCE_CONTEXT.search(before) or _FINANCE_CONTEXT.search(text, mention.end):
            return True

    # A name that owns something, or that has a capital of its own.
    if not _STANDS_ALONE.search(before) or _DETERMINER.search(before):
        return False
    if _POSSESSIVE.match(text, mention.end):
        return True
    is_proper_noun = not at_head and text[mention.start].isupper()
    return is_proper_noun and _is_sentence_case(before + text[mention.end :])


def _is_sentence_case(text: str) -> bool:
    """Whether a title is written in sentence case, so that a capital says "proper noun"."""
    initials = [word[0] for word in _LONG_WORD.findall(text)]
    in_lower_case = sum(initial.islower() for initial in initials)
    return len(initials) >= _MINIMUM_LONG_WORDS and in_lower_case >= _SENTENCE_CASE_SHARE * len(initials)

"""What kind of event a headline reports of a company: one type per headline and company, by rules on its words.

Rules decide where the words are plain; elsewhere there is no type, and the classifier of the sentiment model may give
one (`adapters.model`). What a rating action does to a rating or a price target stands here too: its tone follows from
the action, not from the wording. Whom a headline is about is decided in `core.linking`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cache, lru_cache

import pandas as pd

from signals_pipeline.core.event_types import EventType

# Start and end of a name, as indices into a text.
_Span = tuple[int, int]


class _Tier(IntEnum):
    """When a rule is tried: a rule of an earlier tier decides before those of a later one."""

    FORM = 0
    """The form of the title decides, whatever it reports: a list, a question, a transcript. The first rule counts."""

    FACT = 1
    """A concrete event. Of several, the one that the title states first counts."""

    WEAK = 2
    """A concrete event by words that also stand elsewhere. Of several, the first in the title counts."""

    MOVE = 3
    """The share's move, where no event is found that would be its cause."""

    FEATURE = 4
    """Comment and features, where nothing is reported."""

    MARKET = 5
    """Words of the economy, where nothing else is found."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Words that decide a type.

    Attributes:
        stems: Beginnings of words, separated by blanks. A text in which no word begins so can't match the expression,
            which is then not tried; that makes rules ten times as fast. A stem of one character is a whole word.
        expression: Regular expression, searched in the text as `_comparable_text` returns it.
    """

    stems: str
    expression: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """A type and the patterns any of which decides it."""

    event: EventType
    tier: _Tier
    patterns: tuple[_Pattern, ...]


def _rule(event: EventType, tier: _Tier, patterns: tuple[_Pattern, ...]) -> _Rule:
    return _Rule(event, tier, patterns)


# Words that several rules share; in lower case, as is the text in which they are searched.

# Moves of a share or an index, in any tense.
_UP = (
    r"(?:rise[sn]?|rose|rising|gain(?:s|ed|ing)?|climb(?:s|ed|ing)?|jump(?:s|ed|ing)?|surg(?:es?|ed|ing)"
    r"|soar(?:s|ed|ing)?"
    r"|rall(?:y|ies|ied|ying)|advanc(?:es|ed|ing)|pop(?:s|ped|ping)?|spik(?:es?|ed|ing)|ascends?"
    r"|rocket(?:s|ed|ing)?|skyrocket(?:s|ed|ing)?"
    r"|rebound(?:s|ed|ing)?|bounc(?:es?|ed|ing)|leaps?|leapt|outperform(?:s|ed|ing)?|explod(?:es?|ed|ing)"
    r"|(?:edg|inch|tick|mov|trad|clos|open|end|finish|head|push|lift)(?:e|es|s|ed|ing)? (?:higher|up))"
)
_DOWN = (
    r"(?:falls?|fell|fallen|falling|drop(?:s|ped|ping)?|slid(?:es?|ing)?|sinks?|sank|sinking|slip(?:s|ped|ping)?"
    r"|tumbl(?:es?|ed|ing)|plung(?:es?|ed|ing)|dip(?:s|ped|ping)?|declin(?:es?|ed|ing)|crash(?:es|ed|ing)?"
    r"|tank(?:s|ed|ing)?"
    r"|crater(?:s|ed|ing)?|sell(?:s|ing)?[- ]?offs?|retreat(?:s|ed|ing)?|los(?:es|t)|sheds?|plummet(?:s|ed"
    r"|ing)?|nosedives?"
    r"|slump(?:s|ed|ing)?|wobbl(?:es?|ed|ing)|swoon(?:s|ed|ing)?|dives?|skids?|pull(?:s|ed)? back"
    r"|underperform(?:s|ed|ing)?"
    r"|weakens?|stumbl(?:es?|ed|ing)|sags?|(?:edg|inch|tick|mov|trad|clos|open|end|finish|head)(?:e|es|s|ed"
    r"|ing)? (?:lower|down))"
)
_MOVES = rf"(?:{_UP}|{_DOWN})"
# A quarter, a half or a year of a company's reporting.
_PERIOD = (
    r"(?:q[1-4]|[1-4]q|h[12]|fy ?(?:20)?\d\d|(?:first|second|third|fourth|1st|2nd|3rd|4th)[- ](?:quarter|half)"
    r"|quarter(?:ly)?"
    r"|full[- ]year|annual|half[- ]year|fiscal(?: year)?(?: 20\d\d)?|nine[- ]month|six[- ]month|20\d\d)"
)
# Figures of a company's accounts, or what it counts.
_FIGURE = (
    r"(?:eps|earnings|profits?|revenues?|sales|net income|net loss(?:es)?|loss(?:es)?|ebitda?|margins?|turnover"
    r"|pat|net|income"
    r"|cash flow|bookings|deliveries|shipments|subscribers?|same-store sales|comps|nii|top line|bottom line|results?"
    r"|operating (?:profit|income|loss))"
)
# Ratings of shares and what analysts do.
_GRADE = (
    r"(?:strong buy|buy|sell|hold|overweight|underweight|equal[- ]?weight|outperform|underperform|market perform"
    r"|sector perform|peer perform|in[- ]line|neutral|accumulate|add|reduce|positive|negative|top pick|conviction buy)"
)
_BROKER = (
    r"(?:goldman(?: sachs)?|morgan stanley|jp ?morgan|j\.p\. morgan|bofa(?: securities)?|b of a(?: securities)?"
    r"|bank of america|citi(?:group)?|wells fargo|barclays|ubs|deutsche bank|hsbc|jefferies|evercore(?: isi)?"
    r"|piper sandler"
    r"|raymond james|rbc(?: capital)?|bmo(?: capital)?|(?:td )?cowen|stifel|needham|wedbush|oppenheimer|mizuho"
    r"|bernstein|keybanc"
    r"|truist|baird|loop capital|rosenblatt|canaccord(?: genuity)?|cantor(?: fitzgerald)?|guggenheim|susquehanna|argus"
    r"|macquarie|nomura|clsa|berenberg|kepler|societe generale|credit suisse|northland(?: securities)?"
    r"|moffettnathanson|wolfe"
    r"|melius|redburn|scotiabank|tigress|dz bank|daiwa|william blair|jmp|wainwright|roth|btig|davidson"
    r"|craig-hallum|arete"
    r"|seaport|leerink|cfra|morningstar|hedgeye|edward jones|stephens|bnp|td securities|analysts?|brokerages?"
    r"|motilal oswal"
    r"|kotak|icici securities|emkay|nuvama|jefferies|sharekhan|angel broking|prabhudas lilladher|hdfc securities)"
)

_RULES: tuple[_Rule, ...] = (
    # An author's rating in brackets, as Seeking Alpha writes it.
    _rule(EventType.RATING, _Tier.FORM, (_Pattern("down up", r"\((?:rating )?(?:up|down)grade[d]?\)"),)),
    # Advice to a reader.
    _rule(
        EventType.OPINION,
        _Tier.FORM,
        (
            _Pattern("should", r"\bshould (?:you|i|we|(?:\w+ )?investors|retirees|prompt|require)\b"),
            _Pattern("xname", r"\bshould xname .*\b(?:radar|portfolio)\b"),
        ),
    ),
    _rule(
        EventType.OPINION,
        _Tier.FORM,
        (
            _Pattern("cramer", r"\bcramer(?:'s)?\b"),
            _Pattern("zacks", r"\bzacks\b"),
        ),
    ),
    _rule(
        EventType.OPINION,
        _Tier.FORM,
        (
            _Pattern("bear bull", r"\b(?:bull|bear)(?:ish)? (?:case|thesis|call|scenario|argument)\b"),
            _Pattern("bear bull", r"\b(?:bull|bear) of the day\b"),
            _Pattern("investment", r"\binvestment (?:case|thesis|story|narrative|bet|choice|option|appeal)\b"),
            _Pattern(
                "narrative story thesis",
                r"\b(?:narrative|story|thesis)\b.*\b(?:shift|chang|evolv|rewrit|redefin|adjust" r"|reshap|realign)\w*",
            ),
            _Pattern(
                "narrative story thesis",
                r"\b(?:shift|chang|evolv|rewrit|redefin|reshap)\w* .*\b(?:narrative" r"|investment story|thesis)\b",
            ),
            _Pattern("durable", r"\bdurable competitive advantage\b"),
            _Pattern("radar", r"\bon your (?:investing )?radar\b"),
            _Pattern("face", r"\bface-?off\b"),
            _Pattern("contributors", r"\bcontributors and detractors\b"),
            _Pattern("need", r"\bwhat investors need to know$"),
            _Pattern("attractive", r"\battractive (?:investment|bet|pick|stock|valuation|entry|dip)\b"),
            _Pattern("reports", r"\b(?:stock|research|analyst) (?:research )?reports for\b"),
            _Pattern("blog", r"\banalyst blog\b"),
            _Pattern(
                "commentary letter portfolio review",
                r"\b(?:commentary|investor letter|shareholder letter|portfolio (?:review|update"
                r"|breakdown)|fund (?:review|letter|commentary))\b",
            ),
            _Pattern("portfolio", r"\bportfolio q[1-4]\b"),
            _Pattern("trades", r"\bfinal trades\b"),
            _Pattern("tracker", r"\btrade tracker\b"),
            _Pattern("trending", r"\btrending stock\b"),
            _Pattern(
                "assessing dive evaluating examining look reassessing revisiting",
                r"^(?:assessing|a look at|evaluating|revisiting|reassessing|examining" r"|a deep dive)\b",
            ),
            _Pattern("dive", r"\bdeep dive\b"),
            _Pattern("case", r"\b(?:compelling|strong) case (?:for|to)\b"),
            _Pattern("investing", r"\bcase for investing\b"),
            _Pattern("reward", r"\brisk reward\b"),
            _Pattern("reframe", r"\breframes?\b"),
            _Pattern("debate hopes", r"\bvaluation (?:hopes|debate)\b"),
        ),
    ),
    # Analysts' ratings and targets.
    _rule(
        EventType.RATING,
        _Tier.FORM,
        (
            _Pattern(
                "down up", r"\b(?:up|down)grad(?:e[sd]?|ing)\b(?! (?:path|cycle|plan|its|to (?:ios|windows" r"|5g)))"
            ),
        ),
    ),
    _rule(
        EventType.RATING,
        _Tier.FORM,
        (
            _Pattern(
                "objective target",
                r"\b(?:price|stock|share|12-month) (?:price )?(?:targets?" r"|objectives?)\b(?<!s&p 500 price target)",
            ),
            _Pattern(
                "change issue make overhaul reset revamp revisit tweak",
                r"\b(?:resets?|makes?|revamps?|revisits?|overhauls?|tweaks?|changes?"
                r"|issues?) (?:\S+ ){0,5}?(?:stock|share) (?:price|forecast|rating|target|call"
                r"|view)\b",
            ),
            _Pattern("analyst", r"\banalysts? (?:\w+ )?(?:recommend|rating|forecasts?|calls?|picks?|rate|update)\b"),
            _Pattern("pt tp", r"\b(?:pt|tp) (?:on|of|to|at|raised|cut|lowered|reduced|increased|hiked|trimmed)\b"),
            _Pattern("pt tp", r"\b(?:raises?|cuts?|lowers?|lifts?|trims?|hikes?|reduces?|boosts?) (?:pt|tp)\b"),
            _Pattern(
                "cut hiked lifted lowered raised reduced trimmed",
                r"\btargets? (?:price )?(?:raised|cut|lowered|hiked|trimmed|reduced|lifted) (?:to" r"|from|at|by)\b",
            ),
        ),
    ),
    _rule(
        EventType.RATING,
        _Tier.FORM,
        (
            _Pattern(
                "affirm assign assum cut giv initiat keep lower maintain rais reaffirm receiv reiterat"
                " resum retain start",
                r"\b(?:reiterat|maintain|keep|retain|reaffirm|affirm|initiat|start|resum|assum|cut"
                rf"|rais|lower|assign|giv|receiv)\w* (?:\w+ ){{0,4}}?(?:an? |its |their |at |to "
                rf"|coverage |with ){{0,4}}{_GRADE}(?: rating| on| at|$| stance|,)",
            ),
            _Pattern("coverage", r"\b(?:initiat|start|resum|assum|launch|begin)\w* (?:\w+ ){0,3}?coverage\b"),
            _Pattern("initiated resumed started", r"\bcoverage (?:of|on) .*\b(?:initiated|resumed|started)\b"),
            _Pattern("reiterated", r"\breiterated as\b"),
            _Pattern("initiat", rf"\binitiat\w* (?:\S+ ){{0,4}}?(?:at|with) (?:an? )?{_GRADE}\b"),
            _Pattern("rating", rf"\b{_GRADE} rating\b"),
            _Pattern("rated", rf"\brated {_GRADE}\b"),
            _Pattern("xname", rf"\b(?:rates|reiterates|maintains) xname .*\b{_GRADE}\b"),
            _Pattern(
                "call rating recommendation", rf"\b(?:its|a|an|from|to) {_GRADE} (?:rating|recommendation|call)\b"
            ),
        ),
    ),
    _rule(
        EventType.RATING,
        _Tier.FORM,
        (
            _Pattern("list", r"\b(?:conviction|focus|best ideas?|catalyst watch|tactical) list\b"),
            _Pattern("catalyst", r"\bcatalyst watch\b"),
            _Pattern("pick", r"\btop picks? (?:at|by|for|of|from|status|list)\b"),
            _Pattern("pick", r"\b(?:as|named|names|a|is|remains|new|its|joins) (?:a )?top pick\b"),
        ),
    ),
    _rule(
        EventType.RATING,
        _Tier.FORM,
        (
            _Pattern(
                "best crisil dbrs fitch icra moody ratings s&p",
                r"\b(?:moody's|fitch|dbrs|s&p(?: global)?(?: ratings)?|am best|crisil|icra"
                r"|care ratings)\b.*\b(?:ratings?|rates?|outlook|upgrad\w+|downgrad\w+|affirm\w*"
                r"|junk|investment[- ]grade|watch|assigns?)\b",
            ),
            _Pattern("rating", r"\bcredit rating"),
            _Pattern("credit", r"\bcredit outlook"),
            _Pattern("rating", r"\brating outlook\b"),
            _Pattern("outlook", r"\boutlook (?:to|at|revised to|cut to|is|remains) (?:negative|positive|stable)\b"),
            _Pattern("rating status territory", r"\b(?:junk|investment[- ]grade) (?:status|rating|territory)\b"),
        ),
    ),
    _rule(
        EventType.RATING,
        _Tier.FORM,
        (
            _Pattern(
                "bearish bullish cautious overweight positive upbeat",
                rf"^(?!.*\?$).*\b{_BROKER}(?:'s)? (?:\w+ )?(?:is|remains|stays|turns|gets|grows|are"
                r"|still|more|goes)? ?(?:more |very |increasingly )?(?:bullish|bearish|positive"
                r"|cautious|upbeat|overweight) on\b",
            ),
        ),
    ),
    # Documents and previews of results.
    _rule(
        EventType.RESULTS,
        _Tier.FORM,
        (
            _Pattern(
                "call highlights preview recap review snapshot summary takeaways transcript triple update",
                r"\bearnings (?:call|preview|transcript|summary|highlights|snapshot|recap|review"
                r"|takeaways|update|triple)\b",
            ),
            _Pattern("preview", r"\(preview\)"),
            _Pattern("earnings", r"\bearnings:? \(?preview"),
            _Pattern(
                "call presentation preview recap review snapshot transcript",
                rf"\b{_PERIOD} (?:20\d\d )?(?:earnings |results )?(?:preview|review|recap"
                r"|transcript|call|presentation|snapshot)\b",
            ),
            _Pattern("report", r"\bearnings report:"),
        ),
    ),
    # Trading in the share and its options; the state of its chart.
    _rule(
        EventType.PRICE,
        _Tier.FORM,
        (
            _Pattern(
                "as while",
                r"\b(?:while|as) (?:the )?(?:broader |stock |overall )?(?:market|stocks|dow"
                rf"|s&p 500|nasdaq)s? (?:{_MOVES})",
            ),
            _Pattern(
                "index market",
                rf"\b(?:{_MOVES}|beats?|lags?|trails?|tops?)(?: \w+){{0,3}} (?:the )?(?:broader "
                r"|stock |overall )+(?:market|indexe?s?)\b",
            ),
            _Pattern(
                "than",
                r"\b(?:more|less|steeper|slower|faster) than (?:the )?(?:broader |stock " r"|overall )*(?:market)\b",
            ),
            _Pattern("out under", r"\b(?:out|under)performs? (?:\w+ )?(?:competitors|peers|rivals|market)\b"),
            _Pattern("beat", r"\bbeats? stock market\b"),
            _Pattern("out under", r"\bstock (?:\w+ ){0,2}(?:out|under)performs\b"),
        ),
    ),
    _rule(
        EventType.PRICE,
        _Tier.FORM,
        (
            _Pattern("whale", r"\bwhales?\b"),
            _Pattern("unusual", r"\bunusual (?:options?|call|put|activity|volume)\b"),
            _Pattern("option", r"\b(?:put|call)s? options?\b"),
            _Pattern(
                "option", r"\boptions? (?:activity|trading|volume|flow|traders?|market|bets?|alert|expire" r"|frenzy)\b"
            ),
            _Pattern("most", r"\bmost[- ]active\b"),
            _Pattern("traded", r"\bmost traded\b"),
            _Pattern("gainers losers movers shakers", r"\b(?:gainers|losers|movers|shakers)\b"),
            _Pattern("biggest", r"\bbiggest (?:stock )?move\w*"),
            _Pattern("making move moving that", r"\bstocks? (?:that are |on the move|making|moving)\b"),
            _Pattern("moving", r"\bmoving stocks\b"),
            _Pattern("interest", r"\bshort interest\b"),
            _Pattern("move", r"\bstocks? on the move\b"),
            _Pattern("unusual", r"\bunusual(?:ly)? (?:high|large|heavy)\b"),
            _Pattern("moving", r"\bmoving in today's session\b"),
            _Pattern("mover session", r"\b(?:pre-?market|after-?hours|midday) (?:session|movers?)\b"),
        ),
    ),
    _rule(
        EventType.PRICE,
        _Tier.FORM,
        (
            _Pattern("death golden", r"\b(?:golden|death) cross\b"),
            _Pattern(
                "average",
                r"\b(?:\d+|moving)[- ](?:day|week|month)? ?(?:simple " r"|exponential )?(?:moving )?averages?\b",
            ),
            _Pattern("line", r"\b(?:day|week) line\b"),
            _Pattern(
                "technical",
                r"\btechnical (?:\w+ )?(?:setup|breakout|analysis|levels?|picture|indicator|rating"
                r"|score|outlook)\b",
            ),
            _Pattern("breakout", r"\bbreakout\b"),
            _Pattern(
                "area point range signal trigger zone", r"\b(?:buy|entry) (?:zone|point|range|area|signal|trigger)s?\b"
            ),
            _Pattern("area", r"\bin buy areas?\b"),
            _Pattern("entry", r"\bclears? (?:an? )?(?:\w+ )?entry\b"),
            _Pattern("key", r"\bkey (?:support|resistance|level)\b"),
            _Pattern("resistance support", r"\b(?:support|resistance) (?:level|line|zone)s?\b"),
            _Pattern("rsi", r"\brsi\b"),
            _Pattern("relative", r"\brelative strength\b"),
            _Pattern("overbought oversold", r"\b(?:over(?:bought|sold))\b"),
            _Pattern("chart", r"\bchart (?:of the day|pattern)"),
            _Pattern("cup flat", r"\b(?:cup|flat)[- ](?:with[- ]handle|base)\b"),
            _Pattern("downtrend", r"\bchannel\b.*\bdowntrend"),
            _Pattern("showing", r"\btrends? (?:higher|lower): showing"),
            _Pattern("reminder", r"\bex-dividend reminder\b"),
        ),
    ),
    # Opinion: picks, lists, promotions, comparisons, predictions.
    _rule(
        EventType.OPINION,
        _Tier.FORM,
        (
            _Pattern("buy hold sell", r"\b(?:buy|sell|hold)(?:,| or| and)+ (?:buy|sell|hold|wait|avoid|forget|run)\b"),
            _Pattern(
                "before dip fist now right today weakness",
                r"\b(?:buy|buying|sell|selling|own|owning|add|load(?:ing)? up)(?: \S+){0,3} (?:now"
                r"|today|right now|hand over fist|the dip|on weakness|before it)\b",
            ),
            _Pattern(
                "buy hold sell",
                r"\b(?:a|an|the|is|still|screaming|strong|better|best|great|generational|top|clear"
                r"|compelling|easy|no-brainer|solid) (?:long-term |strong |screaming )?(?:buy|sell"
                r"|hold)\b(?! (?:rating|at|by|the|its|into|stake|call|a|for \$|back))",
            ),
            _Pattern("dip", r"\bdip[- ]buying\b"),
            _Pattern(
                "dip drop pullback weakness",
                r"\b(?:buy|buying) (?:the|on|this|these|any) (?:dip|dips|weakness|pullback|drop)\b",
            ),
            _Pattern("dip", r"\bdip (?:worth|a)\b"),
            _Pattern(
                "case chance how late opportunity ready reason smart time want when where why wise worth",
                r"\b(?:time|late|wise|worth|reasons?|smart|want|ready|opportunity|chance|case|how"
                r"|when|where|why) to (?:buy|sell|own|invest|hold|short)\b",
            ),
            _Pattern("worth", r"\bworth (?:buying|the (?:risk|price|hype)|a look|owning|holding|considering" r"|it\b)"),
            _Pattern("forever hold", r"\b(?:buy|hold|own|sell) and (?:hold|forever)\b"),
            _Pattern("buy hold own", r"\bto (?:buy|hold|own) (?:for(?:ever)?|in 20\d\d|before|ahead|after|on)\b"),
            _Pattern("buy", r"\bbuy (?:and never|these|this|it|some|more) "),
        ),
    ),
    _rule(
        EventType.OPINION,
        _Tier.FORM,
        (
            _Pattern(
                "avoid beat buy consider double get hold invest know like love make never own pick"
                " portfolio retire sell take watch",
                r"\b(?:stocks?|etfs?|picks?|reits?|names|plays|funds|shares|companies"
                r"|investments?)(?: \w+){0,2} (?:to|for your|i'd|i'm|we|that could|that can"
                r"|that may|worth|you)(?: \w+){0,2} (?:buy|sell|watch|own|hold|avoid|consider"
                r"|invest|like|love|double|beat|know|portfolio|make|get|never|take|retire|pick)",
            ),
            _Pattern(
                "ai chip dividend etfs funds growth pick plays reits stocks tech value",
                r"\b(?:\d+|two|three|four|five|six|seven|eight|nine|ten|my|these|this|a|one"
                r"|another|our|best|top|cheap|favorite|magnificent|hot|unstoppable|safe"
                r"|undervalued|overlooked)(?: (?!stock\b)[\w&'/()\"-]+){0,5} (?:stocks|etfs|picks"
                r"|reits|plays|funds|growth stock|ai stock|dividend stock|tech stock|value stock"
                r"|chip stock|stock picks?)\b",
            ),
            _Pattern(
                "best better brainer cheapest dividend favo growth hottest income momentum must"
                " overvalued quality strongest top trending ultimate undervalued value",
                r"\b(?:best|top|favou?rite|better|cheapest|hottest|strongest|ultimate|no-brainer"
                r"|must-own|momentum|growth|value|dividend|income|trending|quality|undervalued"
                r"|overvalued) (?:[\w-]+ ){0,4}(?:stock|stocks|pick|etf|bet|play|investment)\b",
            ),
        ),
    ),
    _rule(
        EventType.OPINION,
        _Tier.FORM,
        (
            _Pattern("prediction", r"\bpredictions?\b(?! markets?\b)"),
            _Pattern("forget", r"^forget\b"),
            _Pattern("motley", r"\bmotley fool\b"),
            _Pattern("vs", r"\bvs\.? (?!\$|\d|est|exp|cons|-)(?=\w|xname)"),
            _Pattern("versus", r"\bversus (?!\$|\d|est)"),
            _Pattern("millionaire", r"\bmillionaires?\b"),
            _Pattern("passive", r"\bpassive income\b"),
            _Pattern("if", r"\bif you(?:'d| had|'re)?\b"),
            _Pattern("invest", r"\b(?:invested|invest|investing|investment of) \$"),
            _Pattern("invested investment", r"\$[\d,]+ (?:invested|investment)\b"),
            _Pattern("reason", r"\b(?:\d+|one|two|three|another|biggest|billion|top|key|good) (?:\w+ )?reasons?\b"),
            _Pattern("reason", r"\breasons? (?:to|why|i|xname|you|for optimism)\b"),
        ),
    ),
    _rule(
        EventType.OPINION,
        _Tier.FORM,
        (
            _Pattern("i", r"\bi(?:'m|'d|'ve|'ll)\b"),
            _Pattern("i", r"\b(?:why|what|how|that|and|but|because|stocks|where) i (?!-)"),
            _Pattern("i", r"^i (?!-)"),
            _Pattern("i", r":\s?i \w"),
            _Pattern("my", r"\bmy (?:top|favou?rite|portfolio|best|biggest|money|largest|\$)"),
        ),
    ),
    # Awards and events.
    _rule(
        EventType.OTHER,
        _Tier.FORM,
        (
            _Pattern("award", r"\bof the year award\b"),
            _Pattern("employer partner supplier", r"\b(?:partner|supplier|employer) of the year\b"),
            _Pattern("grant", r"\bawards? (?:\$[\d,]+ )?grants?\b"),
        ),
    ),
    # Comment of single investors and market commentators.
    _rule(
        EventType.OPINION,
        _Tier.FORM,
        (
            _Pattern(
                "cathie",
                r"\bcathie wood(?:'s)? (?:ark )?(?:sees|says|thinks|predicts|expects|believes" r"|warns|calls)\b",
            ),
            _Pattern(
                "accumulate avoid bt buy exit hold sell stbt", r"^(?:buy|sell|accumulate|hold|exit|avoid|bt/st|stbt) "
            ),
            _Pattern("hot ideas pick", r"\b(?:stocks? pick|top picks|hot stocks|stock ideas|trading ideas)\b"),
        ),
    ),
    # The market, a sector, the economy.
    _rule(
        EventType.MACRO,
        _Tier.FORM,
        (
            _Pattern(
                "close daily dow equities equity ftse futures index jones london market morning nasdaq"
                " news nifty open rebounds s&p sensex shares stock summary tsx update wall wrap york",
                r"^(?:sector update|stock market news|dow jones futures|cnbc daily open|daily open"
                r"|wall street (?:week|today|roundup)|morning (?:bid|brief)|market (?:wrap|open"
                r"|close|summary|rebounds)|new york market|london market|(?:us|u\.s\.|asian?"
                r"|european?|global|world|indian?|canadian|uk|london|tokyo|china|chinese|emerging"
                r"|most) (?:equity|equities|stocks?|shares|index|markets?|futures|indexes)\b"
                r"|(?:stocks|equities|equity futures|stock futures|stock indexes|index futures"
                r"|futures|markets|wall street|wall st|tsx|ftse|sensex|nifty|(?:the )?(?:dow|s&p"
                r"|s&p 500|nasdaq)) )",
            ),
            _Pattern(
                "500 jones market nasdaq today",
                r"^(?:stock market today|dow jones|s&p 500|nasdaq|the stock market)[^:]*: (?:the "
                r"|us |u\.s\. )?(?:dow|s&p|nasdaq|stocks|markets?|indexes|tech|futures|mixed"
                r"|chip stocks|wall street|oil|bonds)\b",
            ),
            _Pattern(
                "500 dow equities ftse futures indexes market nasdaq nifty russell s&p sensex stocks us wall",
                r"\b(?:dow(?: jones)?|s&p 500|s&p|nasdaq(?: 100| composite)?|russell 2000"
                r"|wall street|stock market|equities|stock indexes|us stocks|u\.s\. stocks|sensex"
                r"|nifty|ftse(?: 100)?|futures)(?:,? (?:and |& )?(?:the )?(?:dow|s&p 500|s&p"
                rf"|nasdaq|sensex|nifty))* (?:\w+ ){{0,2}}?(?:{_MOVES}|mixed|hits?|ends?|opens?"
                r"|closes?|lower|higher|up|down|at|sets?|notch\w*|near|little changed|flat)\b",
            ),
            _Pattern(
                "big corporate mag megacap", r"\b(?:mag(?:nificent)? (?:7|seven)|big tech|corporate|megacap) earnings\b"
            ),
            _Pattern("jobless nonfarm openings", r"\b(?:job openings|jobless claims|nonfarm payrolls)\b"),
            _Pattern("squawk", r"\bmorning squawk\b"),
            _Pattern("indexes", r"\b(?:stock|us|major) indexes\b"),
            _Pattern(
                "analysis databook forecast report worth",
                r"\bmarket (?:research |analysis |size |share |outlook )(?:report|analysis"
                r"|forecast|worth|databook)\b",
            ),
            _Pattern("databook", r"\bdatabook\b"),
            _Pattern("business", r"\bbusiness report 20\d\d\b"),
            _Pattern("exceed grow hit reach surpass", r"\bmarket to (?:surpass|reach|hit|exceed|grow)\b"),
            _Pattern("cagr", r"\bcagr\b"),
            _Pattern("competitive", r"\bcompetitive (?:landscape|analysis)\b"),
            _Pattern("report size", r"\bmarket (?:report|size) 20\d\d"),
            _Pattern("inflow outflow", r"\b(?:inflows?|outflows?)\b"),
            _Pattern("dive flee pile pour pull yank", r"\binvestors (?:pull|pour|yank|flee|pile|dive)\b"),
            _Pattern(
                "forecast outlook target",
                r"\b(?:oil|crude|brent|gold|silver|copper|inflation|gdp|s&p 500|rate|economic"
                r"|commodity)(?: price)? (?:forecasts?|targets?|outlook)\b",
            ),
            _Pattern("roundup", r"\broundup$"),
            _Pattern("pre", r"\b(?:pre-bell|premarket:)"),
            _Pattern("futures", r"\b(?:equity|stock index|dow|nasdaq|s&p) futures\b"),
        ),
    ),
    # Trades of funds and insiders in the share.
    _rule(
        EventType.CAPITAL,
        _Tier.FORM,
        (
            _Pattern(
                "holdings position shareholdings",
                r"\b(?:increas|decreas|rais|lower|trim|cut|boost|reduc|grow|lift|lessen|has|take"
                r"|tak|acquir|purchas|buy|sell|sold|bought|initiat|open|exit|clos|liquidat"
                r"|establish|add|hold|own|mak)\w* (?:\S+ ){0,3}?(?:stock |stake |equity |new "
                r"|share )?(?:position|positions|holdings|shareholdings)\b",
            ),
            _Pattern(
                "acquire bought buy dump has invests offload purchase scoop sell snap sold unload",
                r"\b(?:acquires?|buys?|bought|sells?|sold|purchases?|purchased|invests|has|dumps?"
                r"|unloads?|offloads?|snaps? up|scoops? up) (?:\S+ ){0,2}?\$?[\d,.]+[mkb]?(?:"
                r" (?:million|billion))? (?:new |worth of |in )?(?:shares|of xname|stock|worth"
                r"|holdings)\b",
            ),
            _Pattern("acquired bought purchased sold", r"\b(?:shares|stock) (?:bought|sold|acquired|purchased) by\b"),
            _Pattern(
                "ark cathie",
                r"\b(?:cathie wood|ark invest|ark)\b.*\b(?:buys?|sells?|dumps?|adds?|buying"
                r"|selling|sold|bought|scoops?|loads?|unloads?|trims?|purchases?|doubles? down"
                r"|offloads?|snaps?|sits out)\b",
            ),
            _Pattern(
                "ackman berkshire buffett burry director hedge insider pelosi",
                r"\b(?:buffett|berkshire|pelosi|burry|ackman|insiders?|director"
                r"|hedge funds?)\b.*\b(?:buys?|sells?|sold|bought|dumps?|adds?|trims?|exits?|stake"
                r"|purchases?)\b(?!.*\bcompany\b)",
            ),
            _Pattern("13", r"\b13[fg]\b"),
            _Pattern("stake", r"\$[\d.]+ ?(?:million|m|mln) (?:\S+ ){0,4}?stake\b"),
            _Pattern("reduce", r"\breduces? stake in\b"),
            _Pattern(
                "advisers advisor asset capital counsel fund investment llc lp wealth",
                r"\b(?:capital|advisors?|advisers|asset management|wealth|funds?|investments?|llc"
                r"|lp|counsel)\b (?:\w+ ){0,2}?(?:buys?|bought|sells?|sold|dumps?|trims?|exits?"
                r"|expands?|loads? up|opens?|cuts?|slashes|unloads?|bets)\b.*\b(?:stake|position"
                r"|shares|holdings|etf)\b",
            ),
        ),
    ),
    _rule(
        EventType.RESULTS,
        _Tier.FORM,
        (
            _Pattern(
                "can could will",
                r"^(?:will|can|could) .*\b(?:beats?|beating|miss|top|surpass"
                r"|report)\b.*\b(?:estimates|earnings|expectations|q[1-4])\b",
            ),
        ),
    ),
    # A title that is one question; not one about a move.
    _rule(
        EventType.OPINION,
        _Tier.FORM,
        (
            _Pattern(
                "?",
                r"^(?!what (?:has|is|'s) (?:driv|behind)|what happened)(?:is|are|can|could|will"
                r"|would|should|does|do|did|has|have|was|how|which|who|where|when|what|what's"
                r"|whats|am|may|might)\b[^:;?!]*(?<!\w\. )[^:;?!]*\?$",
            ),
        ),
    ),
    # Results.
    _rule(
        EventType.RESULTS,
        _Tier.FACT,
        (
            _Pattern(
                "bookings bottom comps deliveries earnings ebitd eps flow income line loss margin net nii"
                " operating pat profit result revenue sales same shipments subscriber turnover",
                rf"\b{_PERIOD}(?: (?:20\d\d|fy\d\d|adj\.?|adjusted|gaap|non-gaap|financial|fiscal"
                r"|net|core|total|us|global|cy20\d\d|operating|first|strong|weak|solid|record"
                rf"|mixed|better|worse)){{0,4}} {_FIGURE}\b(?! (?:guidance|outlook|forecast|view\b"
                r"|warning))",
            ),
            _Pattern(
                "bookings bottom comps deliveries earnings ebitd eps flow income line loss margin net nii"
                " operating pat profit result revenue sales same shipments subscriber turnover",
                rf"\b{_FIGURE} (?:\S+ )?(?:in|for|during|of) (?:the )?{_PERIOD}\b",
            ),
        ),
    ),
    _rule(
        EventType.RESULTS,
        _Tier.FACT,
        (
            _Pattern(
                "consensus estimate expectation forecasts predictions projections target view",
                r"\b(?:beat(?:s|ing)?|top(?:s|ped|ping)?|miss(?:es|ed|ing)?|exceed(?:s|ed|ing)?"
                r"|surpass(?:es|ed|ing)?|lag(?:s|ged)?|crush(?:es|ed)?|smash(?:es|ed)?|trounces?"
                r"|trails?|meets?|match(?:es)?|obliterates?|tops|falls? short of|ahead of|above"
                r"|below|in line with|edges?(?: past)?) (?:\S+ ){0,5}?(?:estimates?|views?"
                r"|expectations?|consensus|forecasts|predictions|projections|targets? for)\b",
            ),
            _Pattern("beat miss", r"\bearnings (?:beat|miss)\b"),
            _Pattern(
                "beat misses", r"\b(?:beats?|misses) on (?:earnings|revenue|sales|profit|both|top|bottom" r"|q[1-4])\b"
            ),
            _Pattern("beat misses", r"\b(?:earnings|revenue|profit|sales) (?:beats?|misses)\b"),
            _Pattern("beat miss", r"\bq[1-4] (?:beats?|miss(?:es)?)\b"),
            _Pattern("beat", r"\bbeat-and-raise\b"),
            _Pattern("earnings", r"\bearnings:"),
            _Pattern("takeaways", r"\btakeaways from (?:\S+ ){1,4}earnings\b"),
            _Pattern("less", r"\blos(?:es|t) less\b"),
            _Pattern("performance", r"\bquarterly (?:\w+ )?performance\b"),
            _Pattern("bigger narrower smaller wider", r"\b(?:smaller|narrower|wider|bigger) (?:\S+ )?loss\b"),
        ),
    ),
    _rule(
        EventType.RESULTS,
        _Tier.FACT,
        (
            _Pattern(
                "bookings bottom comps deliveries earnings ebitd eps flow income line loss margin net nii"
                " operating pat profit result revenue sales same shipments subscriber turnover",
                rf"\b{_FIGURE} (?:\w+ ){{0,2}}?(?:{_MOVES}|doubles?|doubled|triples?|tripled|grow"
                r"|grows|grew|up|down|beats?|beat|miss(?:es)?|tops?|narrows?|widens?|increas\w+"
                r"|decreas\w+|shrinks?|shrank|flat|halves?|hits?|reach(?:es)?|totals?|totaled"
                r"|nearly|more than|almost|at (?:rs|\$))\b(?! (?:target|guidance))",
            ),
            _Pattern(
                "return swing swung turn",
                r"\b(?:swings?|swung|returns?|turns?) to (?:\w+ )?(?:an? )?(?:\w+ )?(?:profit|loss" r"|black|red)\b",
            ),
            _Pattern(
                "announce book clock deliver generate log notches post record register report unveil",
                r"\b(?:posts?|reports?|delivers?|books?|logs?|records?|announces?|registers?"
                r"|clocks?|unveils?|notches|generates?) (?:\S+ ){0,5}?(?:profit|loss|revenue|sales"
                r"|earnings|results|net income|growth|deliveries|quarter)\b",
            ),
            _Pattern(
                "blowout disappointing falling higher lower plunging record rising robust slower soft"
                " solid strong surging upbeat weak",
                r"\b(?:record|higher|lower|strong|weak|solid|robust|slower|blowout|disappointing"
                r"|plunging|surging|rising|falling|soft|upbeat) (?:\w+ )?(?:profits?|earnings"
                r"|revenues?|quarter|results|sales(?! (?:force|team))|deliveries)\b",
            ),
            _Pattern(
                "earnings profit revenue sales",
                r"\b(?:profit|revenue|sales|earnings) (?:growth|rise|fall|drop|jump|surge|decline"
                r"|slump|gain|beat|miss)\b",
            ),
        ),
    ),
    _rule(
        EventType.RESULTS,
        _Tier.FACT,
        (
            _Pattern(
                "delivered delivers produced register shipped sold",
                r"\b(?:deliver(?:s|ed)|shipped|sold|produced"
                r"|registers?) (?:\S+ ){0,2}?[\d,.]+k? (?:\w+ ){0,2}?(?:vehicles|cars|jets"
                r"|aircraft|planes|units|iphones|phones|airplanes|evs|motorcycles)\b",
            ),
            _Pattern(
                "deliveries figures registrations sales shipments",
                r"\b(?:vehicle|car|jet|aircraft|monthly|quarterly|china|retail|airplane|ev|auto"
                r"|unit) (?:sales|deliveries|shipments|registrations|production figures)\b",
            ),
            _Pattern("customers subscribers users", r"\badd(?:s|ed)? (?:\S+ ){0,4}(?:subscribers|customers|users)\b"),
            _Pattern(
                "customer passenger subscriber traffic user",
                r"\b(?:subscriber|user|passenger|traffic|customer) (?:growth|count|numbers?"
                r"|additions|losses|gains|traffic)\b",
            ),
            _Pattern("sales", r"\b(?:comparable|same[- ]store|like-for-like) sales\b"),
            _Pattern("monthly", r"\bmonthly (?:traffic|operating data|sales)\b"),
            _Pattern("sales", r"\bsales of .*\b(?:rise|rose|fall|fell|jump|drop|up|down)\b"),
        ),
    ),
    # Guidance.
    _rule(
        EventType.GUIDANCE,
        _Tier.FACT,
        (
            _Pattern("guidance", r"\bguidance\b"),
            _Pattern("guide", r"\bguid(?:es|ed)\b"),
            _Pattern(
                "forecast guide outlook target warning",
                r"\b(?:profit|sales|revenue|earnings) (?:warning|outlook|forecast|target" r"|guide)s?\b",
            ),
            _Pattern(
                "estimate forecast goal guide outlook target view",
                r"\b(?:rais|lift|hik|boost|cut|lower|slash|trim|reaffirm|reiterat|maintain|confirm"
                r"|back|affirm|withdraw|pull|scrap|narrow|keep|up|upp|suspend|tighten|increas"
                r"|reduc|bump|ditch|abandon|halv|stick)\w* (?:(?!capex"
                r"|capital)\S+ ){0,6}?(?:outlook|forecasts?|guide|targets? for (?:20\d\d|fy"
                r"|the year)|(?:growth|sales|revenue|profit|earnings|margin|production|delivery"
                r"|annual|full-year|20\d\d|cost|savings) (?:targets?|view|goals?"
                r"|estimates?))\b(?! for (?:oil|gold|brent|the economy))",
            ),
            _Pattern(
                "outlook",
                r"\boutlook (?:disappoints|tops|beats|misses|falls short|cut|raised|lowered" r"|for (?:q|20|fy))",
            ),
            _Pattern(
                "forecast guide outlook",
                r"\b(?:weak|strong|soft|upbeat|downbeat|gloomy|cautious|disappointing|bleak|rosy"
                r"|higher|lower) (?:\w+ )?(?:outlook|forecast|guide)\b",
            ),
            _Pattern(
                "expects",
                r"\bexpects (?:\S+ ){0,6}?to (?:continue to )?(?:impact|hit|hurt|boost|weigh"
                r"|affect|reach|exceed)\b",
            ),
            _Pattern(
                "warn",
                r"\bwarns? (?:of|on|that|about) (?:\S+ ){0,4}?(?:sales|revenues?|profits?|margins?"
                r"|earnings|demand|costs?|shortages?|slowdown|hit|losses|charge)\b",
            ),
        ),
    ),
    _rule(
        EventType.GUIDANCE,
        _Tier.FACT,
        (
            _Pattern(
                "xname",
                r"^xname,? (?:\w+ )?(?:sees?|expects?|forecasts?|projects?|targets?|aims for"
                rf"|anticipates?|predicts?|estimates?)(?: \S+){{0,4}} (?:{_PERIOD}|{_FIGURE}|growth"
                r"|demand|costs?|capex|hit|charges?|savings|capacity|\$[\d.]+)\b",
            ),
            _Pattern(
                "anticipates expects forecasts guides projects sees targets",
                r"\b(?:sees|expects|forecasts|projects|guides for|targets" rf"|anticipates) (?:\S+ )?{_PERIOD}\b",
            ),
            _Pattern(
                "anticipates expects forecasts guides projects sees",
                r"\b(?:sees|expects|forecasts|projects|guides" rf"|anticipates) (?:\S+ ){{0,3}}?{_FIGURE}\b",
            ),
            _Pattern(
                "production profit revenue sales",
                r"\bto (?:hit|reach|top|meet|exceed) (?:\S+ ){0,3}?(?:sales|revenue|profit"
                r"|production) (?:target|goal)?s?\b(?= by)",
            ),
        ),
    ),
    # Mergers and acquisitions.
    _rule(
        EventType.MNA,
        _Tier.FACT,
        (
            _Pattern("acquir", r"\bacquir(?:e|es|ed|ing)\b(?! (?:rights|customers|land|a license|licence))"),
            _Pattern("acquisition", r"\bacquisitions?\b"),
            _Pattern("takeover", r"\btakeovers?\b"),
            _Pattern("buy", r"\bbuy-?outs?\b"),
            _Pattern("merg", r"\bmerg(?:e|es|ed|er|ers|ing)\b"),
            _Pattern("spin spun", r"\b(?:spin|spins|spun|spinning)[- ]?(?:off|out)\b"),
            _Pattern("spinoff", r"\bspinoffs?\b"),
            _Pattern("divest", r"\bdivest(?:s|ed|ing|iture|itures)?\b"),
            _Pattern("carve", r"\bcarve-?outs?\b"),
            _Pattern("demerger", r"\bdemergers?\b"),
            _Pattern("joint", r"\bjoint ventures?\b"),
            _Pattern("jv", r"\bjv\b"),
            _Pattern("tender", r"\btender offer for\b"),
            _Pattern("hostile unsolicited", r"\b(?:unsolicited|hostile) (?:bid|offer|approach|takeover)\b"),
            _Pattern("m&a", r"\bm&a\b(?! (?:advis|deals|wave|league))"),
            _Pattern("fee", r"\bbreak-?up fee\b"),
            _Pattern(
                "invest pour",
                r"\b(?:to invest|invests?|invested|investing|pours?) (?:up to |another |about "
                r"|an? additional )?\$[\d.]+ ?(?:billion|million|bn|b|m|mln|bln)? in (?!ai|the|its"
                r"|new|us|u\.s|data|cloud|texas|india|infrastructure|indiana)\w+",
            ),
            _Pattern(
                "deal",
                r"\$[\d.]+ ?(?:billion|bln|bn|b|million|m) (?!cloud|ai|chip|power|supply|computing"
                r"|compute|contract|licensing|content|equity)(?:\w+ )?(?!cloud|ai|chip|power"
                r"|supply|computing|compute|licensing|content)\w+ deal\b(?! with)",
            ),
            _Pattern("private", r"\btak(?:e|es|ing) (?:\S+ ){0,3}private\b"),
            _Pattern("private", r"\bgo(?:es|ing)? private\b"),
        ),
    ),
    _rule(
        EventType.MNA,
        _Tier.FACT,
        (
            _Pattern(
                "stake",
                r"\b(?:buys?|buying|sells?|sell|sold|selling|takes?|took|acquires?|raises?|cuts?"
                r"|trims?|boosts?|ups?|exits?|offloads?|increases?|eyes|majority|minority"
                r"|controlling|remaining|\d+(?:\.\d+)?%|percent|pct|billion"
                r"|million) (?:\S+ ){0,4}?stakes?\b",
            ),
            _Pattern("stake", r"\bstakes? (?:in|sale|to)\b"),
        ),
    ),
    _rule(
        EventType.MNA,
        _Tier.FACT,
        (
            _Pattern(
                "buy purchase",
                r"\b(?!.*\b(?:jets?|aircraft|787s?|737s?|777x?s?|f-35s?|planes?"
                r"|dreamliners?)\b)(?:to|agrees to|in talks to|near deal to|nears deal to|plans to"
                r"|offers to|could|may|will) (?:buy|purchase) (?!back|the dip|shares|stock|more"
                r"|up to|only|one|this|these|it|if|or|and|in|now|before|two|three|four|five|six"
                r"|seven|eight|nine|ten|dozens|\d|[\w-]*(?: \w+)? ?(?:jets|aircraft|planes"
                r"|airplanes|chips|power|oil|bonds|gas|dreamliner|electricity|energy|credits"
                r"|bitcoin))(?:[\wxname])",
            ),
            _Pattern(
                "bought buys",
                r"\b(?:buys|bought) (?!the dip|back|into|shares|stock|more|up|\d|time"
                r"|\$)(?:\w+ ){0,3}?(?:maker|startup|start-up|firm|company|business|unit|developer"
                r"|biotech|provider|rival|group|inc|operator|chain)\b",
            ),
            _Pattern(
                "bid offer",
                r"\b(?:takeover|buyout|acquisition|merger|rival|sweetened|final|binding"
                r"|\$[\d.]+ ?(?:billion|bln|bn|b|million|mln|m)?) (?:bid|offer)s? (?:for|from"
                r"|to)\b",
            ),
            _Pattern("xname", r"\bbid for xname"),
            _Pattern(
                "arm assets brand business division operations portfolio refinery segment subsidiaries subsidiary unit",
                r"\b(?:sell|sells|selling|sold|sale of|offload|offloads|shed|exit"
                r"|exits) (?:\S+ ){0,5}?(?:unit|units|business|businesses|division|operations"
                r"|subsidiary|arm|brand|brands|assets|refinery|portfolio|segment|subsidiaries)\b",
            ),
            _Pattern("swap", r"\basset swap\b"),
            _Pattern("sale", r"\b(?:unit|business|division|arm) sale\b"),
            _Pattern("deal", r"\bdeal to (?:buy|acquire|sell|merge)\b"),
            _Pattern("sale", r"\b(?:up for|explor\w+ (?:a |the )?|weighs?|considers?|considering" r"|weighing) sale\b"),
            _Pattern("strategic", r"\bstrategic (?:alternatives|review)\b"),
        ),
    ),
    # Law and regulation.
    _rule(
        EventType.LEGAL,
        _Tier.FACT,
        (
            _Pattern(
                "order",
                r"\borders? (?:xname|(?:\w+ ){1,3}?)(?: inc| platforms)? ?to (?:stop|curb|pay|halt"
                r"|remove|cease|open|allow|block|refund|recall|hand|produce|sell|divest|comply)\b",
            ),
            _Pattern(
                "class lawsuit litigation sue suing suit",
                r"\b(?:sues?|sued|suing|lawsuits?|suits?|litigation|class[- ]action)\b",
            ),
            _Pattern(
                "court",
                r"\b(?:supreme |appeals |federal |district |high |top |eu |us "
                r"|u\.s\. )?courts?\b(?! (?:side|customers|investors))",
            ),
            _Pattern("judge", r"\bjudges?\b"),
            _Pattern("jury", r"\bjury\b"),
            _Pattern("verdict", r"\bverdict\b"),
            _Pattern("trial", r"\b(?:antitrust|fraud|patent|civil|criminal|jury|court|monopoly) trial\b"),
            _Pattern("injunction", r"\binjunction\b"),
            _Pattern("plead", r"\bpleads? (?:not )?guilty\b"),
            _Pattern("guilty", r"\bguilty\b"),
            _Pattern("indict", r"\bindict\w*"),
            _Pattern("tribunal", r"\btribunal\b"),
            _Pattern(
                "asked ordered told urged",
                r"\b(?:urged|ordered|asked|told) by (?:the )?(?:\w+ )?(?:regulators?|government"
                r"|philippines|eu|court|congress|senate|india|china|uk|australia|japan|germany"
                r"|france|italy)\b",
            ),
            _Pattern("commission", r"\b(?:federal communications commission|federal trade commission)\b"),
            _Pattern(
                "congressional parliament senate",
                r"\b(?:senate|congressional|parliament\w*) (?:report|panel|hearing|committee" r"|inquiry)\b",
            ),
            _Pattern("stress", r"\bstress tests?\b"),
            _Pattern(
                "settled settles settling",
                r"\b(?:settles|settled|settling) (?:\S+ ){0,4}?(?:with|claims?|case|charges|suit"
                r"|lawsuit|probe|dispute|allegations|over|for)\b",
            ),
            _Pattern("settle", r"\bsettle (?!at|in|above|below|near|down|up)\w+"),
            _Pattern("settlement", r"\bsettlement\b"),
            _Pattern("appeal", r"\bto appeal\b"),
            _Pattern("appeals", r"\bappeals (?:ruling|decision|fine|verdict)\b"),
        ),
    ),
    _rule(
        EventType.LEGAL,
        _Tier.FACT,
        (
            _Pattern("fined", r"\bfined\b"),
            _Pattern("fines", r"\bfines\b"),
            _Pattern("fine", r"\b(?:million|billion|mln|bln|record|hefty|eu|antitrust|\dm|\dbn) fine\b"),
            _Pattern("penalt", r"\bpenalt(?:y|ies)\b"),
            _Pattern("probe probing", r"\bprob(?:e|es|ed|ing)\b(?! into space)"),
            _Pattern("investigat", r"\binvestigat(?:e|es|ed|ing|ion|ions|ors)\b"),
            _Pattern("antitrust", r"\bantitrust\b"),
            _Pattern("anti", r"\banti-?trust\b"),
            _Pattern("anti cartel monopoly", r"\b(?:anti-?competitive|monopoly|cartel)\b"),
            _Pattern("regulator", r"\bregulators?\b"),
            _Pattern(
                "regulatory",
                r"\bregulatory (?:risk|scrutiny|probe|action|pressure|hurdle|clearance|approval" r"|pushback)\b",
            ),
            _Pattern("watchdog", r"\bwatchdog\b"),
            _Pattern("subpoena", r"\bsubpoena\w*"),
            _Pattern(
                "attorney brussels cfpb cftc commission doj fcc ftc justice nhtsa ofcom sec",
                r"\b(?<!with )(?<!with the )(?:ftc|doj|fcc|sec|nhtsa|cftc|cfpb|justice department"
                r"|ofcom|attorneys? general|european commission|eu commission"
                r"|brussels)\b(?! (?:filing|form|approv\w+ (?:etf|spot)))",
            ),
            _Pattern(
                "accusation accuse accusing allegation allege alleging",
                r"\b(?:alleg(?:es?|ed|edly|ations?|ing)|accus(?:es?|ed|ing|ations?))\b",
            ),
            _Pattern("charged", r"\bcharged with\b"),
            _Pattern("ban", r"\bban(?:s|ned)? (?!k)"),
            _Pattern("congress lawmaker panel senator", r"\b(?:lawmakers?|senators?|congress|house panel)\b"),
            _Pattern("breach violation", r"\b(?:data|privacy) (?:breach|violations?)\b"),
            _Pattern("inquiry", r"\binquiry\b"),
            _Pattern("crackdown", r"\bcrackdown\b"),
            _Pattern("scrutiny", r"\bscrutiny\b"),
            _Pattern("complaint", r"\bcomplaints?\b"),
            _Pattern("violat", r"\bviolat(?:es?|ed|ing|ions?)\b"),
            _Pattern("fraud", r"\bfraud\b"),
            _Pattern("whistle", r"\bwhistle-?blowers?\b"),
            _Pattern("eu", r"\beu (?:fines|proposes|rules|orders|regulators|charges|search|law|act)\b"),
        ),
    ),
    _rule(
        EventType.LEGAL,
        _Tier.FACT,
        (
            _Pattern("patent", r"\bpatents?\b"),
            _Pattern("recall", r"\brecall(?:s|ed|ing)?\b"),
            _Pattern("infring", r"\binfring\w+"),
            _Pattern("copyright", r"\bcopyrights?\b"),
            _Pattern("trademark", r"\btrademarks?\b"),
            _Pattern("generic", r"\bgenerics?\b(?= (?:version|competition|rival|entry|until|off|for now))"),
            _Pattern("generics", r"\bfrom generics\b"),
            _Pattern(
                "bronstein faruqi glancy hagens kessler korsinsky law offices pomerantz robbins rosen schall",
                r"\b(?:rosen|pomerantz|levi & korsinsky|hagens berman|bronstein|law firm"
                r"|law offices|faruqi|robbins geller|schall|kessler topaz|glancy)\b",
            ),
            _Pattern("alert", r"\b(?:investor|shareholder|deadline) alert\b"),
            _Pattern("plaintiff", r"\blead plaintiff\b"),
        ),
    ),
    # Capital.
    _rule(
        EventType.CAPITAL,
        _Tier.FACT,
        (
            _Pattern("buy", r"\bbuy-?backs?\b"),
            _Pattern("back", r"\bbuy(?:s|ing)? back\b"),
            _Pattern("repurchase", r"\b(?:share|stock) repurchases?\b"),
            _Pattern("repurchas", r"\brepurchas(?:e|es|ed|ing)\b"),
            _Pattern(
                "distribution dividend payout",
                r"\b(?:rais|hik|declar|increas|boost|cut|suspend|announc|pay|lift|resum|reinstat"
                r"|slash|maintain|hold|keep|approv|doubl|scrap|eliminat"
                r"|up)\w* (?:\S+ ){0,5}?(?:dividends?|payout|distribution)\b(?! (?:stock|etf|king"
                r"|growth|yield|aristocrat|investor))",
            ),
            _Pattern(
                "distribution dividend payout",
                r"\b(?:quarterly|special|interim|final|annual|semiannual|first|monthly"
                r"|cash) (?:cash )?(?:dividend|distribution|payout)s?\b",
            ),
            _Pattern(
                "dividend",
                r"\bdividend (?:hike|increase|cut|raise|boost|announcement|declar\w+|suspen\w+" r"|payment)\b",
            ),
            _Pattern("dividend", r"\bex-dividend\b"),
            _Pattern("split", r"\b(?:stock|share|\d-for-\d+|\d+:\d) split\b"),
            _Pattern("split", r"\b(?:to|will|plans to) split (?:its )?(?:stock|shares)\b"),
            _Pattern("splits", r"\bsplits its (?:stock|shares)\b"),
            _Pattern(
                "offering",
                r"\b(?:public|share|stock|equity|secondary|debt|notes?|bond|rights|convertible" r"|common) offering\b",
            ),
            _Pattern("notes", r"\bsenior (?:unsecured )?notes\b"),
            _Pattern(
                "bond",
                r"\b(?:green |junk |samurai |corporate |yankee |dollar |yen "
                r"|euro )?bonds?\b(?! (?:market|yields?|traders?|king|investors?|etf))",
            ),
            _Pattern("debt", r"\bdebt (?:sale|offering|deal|financing|raise|load|refinanc\w+|raising)\b"),
            _Pattern("loan", r"\b(?:bridge|term|syndicated) loans?\b"),
            _Pattern("credit", r"\bcredit (?:facility|line|agreement)\b"),
            _Pattern("redemption", r"\bredemption\b"),
            _Pattern("redeem", r"\bredeems?\b"),
            _Pattern("convertible", r"\bconvertible (?:notes|bonds|senior)\b"),
            _Pattern("ipo", r"\bipos?\b"),
            _Pattern("goes", r"\bgoes public\b"),
            _Pattern("initial", r"\binitial public offering\b"),
            _Pattern(
                "borrow close land raise raising secure seek",
                r"\b(?:raises?|raised|raising|secures?|lands?|seeks?|borrows?|closes?) (?:up to "
                r"|about |over |nearly )?(?:\$|€|£|rs\.? ?)[\d.,]+ ?(?:billion|million|b|m|bn|mn"
                r"|mln|bln|cr|crore)?(?: (?:in|from|via|through|to build|for|of"
                r"|at))\b(?! (?:orders?|contracts?|revenue))",
            ),
            _Pattern("funding", r"\bfunding round\b"),
            _Pattern("series", r"\bseries [a-f]\b"),
            _Pattern("capex", r"\bcapex\b"),
            _Pattern("capital", r"\bcapital (?:expenditures?|spending|return|raise|raising|plan)\b"),
            _Pattern(
                "added enter inclusion join removed replace",
                r"\b(?:joins?|added to|inclusion in|removed from|to replace|enters?"
                r"|to join) (?:the )?(?:s&p|dow|nasdaq-?100|russell|ftse|msci)\b",
            ),
            _Pattern("insider", r"\binsider (?:buying|selling|sales?|sold|bought|trades?|purchases?)\b"),
            _Pattern("commercial", r"\bcommercial paper\b"),
            _Pattern("commitment", r"\bdeepens commitment\b"),
            _Pattern(
                "commit invest pledges pour spend",
                r"\b(?:invests?|invested|investing|pours?|pledges|commits?|commit|spend"
                r"|spends) (?:up to |another |about |an? additional |over |more than |nearly "
                r"|at least )?\$[\d.]+ ?(?:billion|million|bn|b|m|mln|bln)? (?:more |into"
                r"|to (?:expand|build|boost|upgrade)|in (?:its|new|us|u\.s|texas|indiana|india"
                r"|data|infrastructure|ai|manufacturing))\b",
            ),
            _Pattern("additional", r"\badditional \$[\d.]+ ?(?:bn|billion|million|mln)\b"),
            _Pattern("medium", r"\bmedium-term notes\b"),
            _Pattern("notes", r"\bnotes (?:due|linked)\b"),
            _Pattern("return", r"\bcapital returns?\b"),
        ),
    ),
    # People.
    _rule(
        EventType.PEOPLE,
        _Tier.FACT,
        (
            _Pattern("appoint", r"\bappoint(?:s|ed|ment|ments|ing)?\b"),
            _Pattern(
                "elect hire name naming pick poach promote recruit tap",
                r"\b(?:names?|named|naming|taps?|tapped|hires?|hired|promot(?:es?|ed)|elects?"
                r"|elected|poach(?:es|ed)?|picks?|recruits?) (?:\S+ ){0,6}?(?:ceo|cfo|coo|cto|cio"
                r"|cmo|chief|chair\w*|president|vice president|vp|head|director|directors"
                r"|executive|leader|officer|general counsel|treasurer|boss|veteran|exec"
                r"|advisors?)\b",
            ),
            _Pattern(
                "ceo cfo chair chief coo cto president",
                r"\b(?:new|next|incoming|outgoing|interim|former|ex-?|first"
                r"|future) (?:\w+ )?(?:ceo|cfo|coo|cto|chief executive|chief \w+ officer|chairman"
                r"|chairwoman|chair|president)\b",
            ),
            _Pattern(
                "depart fired leave ousted ouster quit resign retire retiring step",
                r"\b(?:step(?:s|ping|ped)? (?:down|aside|back)|resign(?:s|ed|ing|ation)?"
                r"|retir(?:es|ing as|ement of)\b|(?:to|will) retire\b(?! (?:debt|early|rich|on"
                r"|with))|to depart|departs?|departures?|ousted|ouster|fired|quits|to quit"
                r"|to leave|stepping down)\b",
            ),
            _Pattern("buyout", r"\b(?:workforce|employee|voluntary|staff|worker)s? buyouts?\b"),
            _Pattern(
                "exits leave left",
                r"\b(?:to leave|leaves|has left|exits) (?:xname|(?:the )?(?:company|drugmaker|firm"
                r"|automaker|bank|giant))\b",
            ),
            _Pattern("successor", r"\bsuccessor\b"),
            _Pattern("succession", r"\bsuccession\b"),
            _Pattern("succeed", r"\bsucceeds?\b(?= (?:as|xname|\w+ \w+ as))"),
            _Pattern(
                "ceo cfo chief executive leadership management",
                r"\b(?:ceo|leadership|management|executive|cfo|chief) (?:\w+ )?(?:transition"
                r"|change|shake-?up|reshuffle|search|exit|departure|handoff|pay|compensation|move"
                r"|role|succession|overhaul|swap)\b",
            ),
            _Pattern("become", r"\bto become (?:\w+ )?(?:ceo|cfo|chief|chair\w*|president)\b"),
            _Pattern("takes", r"\btakes over as\b"),
            _Pattern(
                "cut headcount job laid lay workforce",
                r"\b(?:layoffs?|lay(?:s|ing)? off|laid off|job cuts?|cuts? (?:\S+ ){0,3}?(?:jobs"
                r"|staff|workers|employees|workforce|positions|roles)|workforce (?:cut"
                r"|reduction)s?|headcount)\b",
            ),
            _Pattern(
                "employees engineers jobs people positions roles staff workers",
                r"\b(?:cut|cutting|eliminat\w+|slash\w*|axe\w*|shed\w*|add\w*|creat\w+"
                r"|hir\w+) (?:\S+ ){0,4}?(?:jobs|employees|workers|staff|people|roles|positions"
                r"|engineers)\b",
            ),
            _Pattern("hiring", r"\bhiring (?:freeze|spree|plan)\b"),
            _Pattern(
                "employee staff worker",
                r"\b(?:employees?|workers?|staff) (?:pay|bonus\w*|salar\w+|raises?|vote"
                r"|unioni[sz]\w+|protest\w*)\b",
            ),
            _Pattern("unioni", r"\bunioni[sz]\w+"),
            _Pattern("pay", r"\bpay (?:package|raise|deal|hike|gap|ratio)\b"),
            _Pattern("board", r"\bboard (?:seat|member|of directors|shake-?up|chair)\b"),
            _Pattern(
                "board",
                r"\b(?:joins|join|to|leave|leaves|from|independent" r"|on) (?:\S+ )?board\b(?! (?:of peace|game))",
            ),
            _Pattern("shareholders", r"\bshareholders elect\b"),
            _Pattern("return", r"\breturn[- ]to[- ]office\b"),
            _Pattern("role", r"\btransition (?:his|her|their) role\b"),
            _Pattern("goodbye", r"\bsays goodbye to\b"),
            _Pattern("compensation", r"\bstock-based compensation\b"),
            _Pattern("wage", r"\bwage\b"),
        ),
    ),
    # Products and operations.
    _rule(
        EventType.PRODUCT,
        _Tier.FACT,
        (
            _Pattern(
                "availability available debut deploy integrate integrating integration introduce"
                " introducing launch moderniz piloting pilots redesign released releases revamp reveal"
                " roll unveil",
                r"\b(?:launch(?:es|ed|ing)?|unveil(?:s|ed|ing)?|introduc(?:es?|ed|ing)|debut(?:s"
                r"|ed|ing)?|releases|released|roll(?:s|ed|ing)? out|rollout|reveals? (?:new|first"
                r"|its)|deploy(?:s|ed|ing|ment)?|pilots|piloting|integrat(?:es?|ed|ing|ion)"
                r"|now available|availab(?:le|ility) (?:on|in|at|for|of)|redesign\w*|revamp(?:s"
                r"|ed)?|moderniz\w+)\b",
            ),
            _Pattern(
                "add begin bring build close develop expand halt launch make offer open plan produce roll"
                " ship shut start test",
                r"\b(?:opens?|opening|expands?|expanding|builds?|building|plans?|begins?|starts?"
                r"|to (?:open|build|expand|start|begin|launch|add|offer|bring|develop|test|make"
                r"|produce|roll|ship|halt|close|shut)) (?:\S+ ){0,5}?(?:stores?|plants?|factory"
                r"|factories|data cent(?:er|re)s?|facility|facilities|campus|warehouses?|service"
                r"|services|production|tests?|testing|trials?|flights?|routes?|delivery|deliveries"
                r"|manufacturing|robotaxi\w*|access|offerings?|platform|capacity|lineup|portfolio"
                r"|network|program|tool|tools|features?|app|chips?|models?|operations|presence"
                r"|capabilities|refinery|line|lines|project|projects)\b",
            ),
        ),
    ),
    _rule(
        EventType.PRODUCT,
        _Tier.FACT,
        (
            _Pattern("partner", r"\bpartner(?:s|ed|ing|ship|ships)?\b"),
            _Pattern("collaborat", r"\bcollaborat(?:es?|ed|ing|ion|ions)\b"),
            _Pattern("alliance", r"\balliance\b"),
            _Pattern("contract order", r"\b(?:contracts?|orders?)\b(?! (?:from court|in council))"),
            _Pattern(
                "agreement approval collaboration contract deal licen mou nod order pact partnership",
                r"\b(?:signs?|signed|signing|inks?|inked|strikes?|struck|reach(?:es|ed)?|wins?|won"
                r"|lands?|landed|secures?|secured|clinch(?:es|ed)?|bags?|extends?|expands?|ends?"
                r"|scraps?|renews?|announces?|bagged|enters?|finali[sz]es?"
                r"|seals?) (?:\S+ ){0,6}?(?:deals?|agreements?|pacts?|mou|approval|nod|order"
                r"|contract|partnership|collaboration|licen[cs]e)\b",
            ),
            _Pattern(
                "agreement contract deal pact",
                r"\b(?:ai|chip|cloud|supply|power|licensing|content|distribution|streaming|energy"
                r"|nuclear|compute|data center|computing|long-term|multi-year|pentagon|defense"
                r"|tech|jet|plane|aircraft|license|rights|lease|purchase|service|offtake|solar"
                r"|wind|drug|space|satellite|strategic|pricing|wind power) (?:\w+ )?(?:deals?"
                r"|agreements?|pacts?|contracts?)\b",
            ),
            _Pattern("deal", r"\bdeal with\b"),
            _Pattern("team", r"\bteam(?:s|ed|ing)? (?:up|with)\b"),
            _Pattern("forces", r"\bjoin(?:s|ed)? forces\b"),
            _Pattern(
                "adopt choose chosen picks select",
                r"\b(?:selects?|selected|chooses?|chosen|picks|adopts?) (?:xname|by)\b",
            ),
            _Pattern("tie", r"\btie-?ups?\b"),
            _Pattern("xname", r"\bwork(?:s|ing)? with xname"),
            _Pattern("powered", r"\bpowered by\b"),
            _Pattern("convert exercise", r"\b(?:exercises?|converts?) (?:its )?options?\b"),
            _Pattern("depth", r"\bdepth of ties"),
            _Pattern(
                "aircraft airplanes chips dreamliner gpus jets planes power",
                r"\b(?:to|will) (?:buy|purchase|order|lease|acquire|add) (?:\S+ ){0,4}?(?:jets"
                r"|aircraft|planes|airplanes|dreamliners?|chips|gpus|power)\b",
            ),
        ),
    ),
    _rule(
        EventType.PRODUCT,
        _Tier.FACT,
        (
            _Pattern("chmp ema fda mhra", r"\b(?:fda|ema|chmp|mhra)\b"),
            _Pattern("phase", r"\bphase (?:\d|i|ii|iii|1/2|2/3)\w?\b"),
            _Pattern("phase", r"\bphase-?\d\b"),
            _Pattern(
                "cancer clinical drug pivotal stage vaccine",
                r"\b(?:clinical|late-stage|mid-stage|early-stage|drug|pivotal|vaccine"
                r"|cancer) (?:trials?|study|studies|data)\b",
            ),
            _Pattern(
                "study trial", r"\b(?:trial|study) (?:data|results|shows?|fails?|meets?|met|success|hits?" r"|finds?)\b"
            ),
            _Pattern(
                "drug injection medicine pill tablet therapies therapy treatment vaccine",
                r"\b(?:drugs?|vaccines?|therap(?:y|ies)|treatments?|pills?|medicines?|injection"
                r"|tablet) (?:\w+ ){0,3}?(?:approv\w+|wins?|shows?|fails?|works?|cuts?|reduces?"
                r"|helps?|meets?|gets?|launch\w*|trial|rollout|prescriptions?|sales|lags?|demand"
                r"|program|pilot)\b",
            ),
            _Pattern(
                "approval approved approves authori cleared clears green nod",
                r"\b(?:approv(?:al|es|ed)|clears|cleared|authori[sz]\w+|nod"
                r"|green[- ]?light) (?:\S+ ){0,4}?(?:drug|vaccine|therapy|treatment|pill|device"
                r"|for|of|from)\b",
            ),
            _Pattern("prescriptions", r"\bprescriptions\b"),
            _Pattern(
                "breakthrough fast orphan priority",
                r"\b(?:orphan|breakthrough|fast[- ]track|priority) (?:drug|therapy|review|status" r"|designation)\b",
            ),
            _Pattern("clinical", r"\bclinical (?:hold|trials?|program)\b"),
            _Pattern("safety", r"\bsafety (?:signal|concern|data)\b"),
            _Pattern(
                "alzheimer cancer diabetes glp obesity weight",
                r"\b(?:glp-?1|obesity|weight[- ]loss|cancer|alzheimer's|diabetes) (?:drug|pill"
                r"|shot|program|treatment|medicine|jab)s?\b",
            ),
        ),
    ),
    _rule(
        EventType.PRODUCT,
        _Tier.FACT,
        (
            _Pattern("outage", r"\boutages?\b"),
            _Pattern("strike", r"\bstrikes?\b(?= (?:at|by|looms|vote|action|ends|over|continues|threat|deadline))"),
            _Pattern("strike", r"\bon strike\b"),
            _Pattern("crash", r"\b(?:plane|jet|737|787|air|fatal|car) crash\b"),
            _Pattern(
                "boost cut delay halt increase pause ramp restart resume slash suspend",
                r"\b(?:halts?|halted|suspends?|suspended|resumes?|resumed|pauses?|paused|delays?"
                r"|delayed|ramps?|boosts?|cuts?|increases?|slash(?:es)?|restarts?) (?:(?!oil|ipo"
                r"|industry)\S+ ){0,4}?(?:production|output|operations|flights|deliveries"
                r"|shipments|launch|rollout|plant|manufacturing|sales of|prices?|supply)\b",
            ),
            _Pattern(
                "breach chain constraint cyber hack shortage",
                r"\b(?:cyber-?attacks?|hack(?:ed|ers|ing)?|data breach|supply (?:constraints?"
                r"|shortages?|chain issues)|chip shortages?|shortages?)\b",
            ),
            _Pattern(
                "capacity output production",
                r"\b(?:production|output|capacity) (?:of|at|to|cut|increase|ramp|begins|start"
                r"|starts|expansion|halt|boost|delay)\b",
            ),
            _Pattern("production", r"\bmass production\b"),
            _Pattern("landing", r"\bemergency landing\b"),
            _Pattern("grounded", r"\bgrounded\b"),
            _Pattern(
                "prices",
                r"\b(?:raises?|hikes?|cuts?|lowers?|slashes?|increases?) (?:(?!oil|crude|gas"
                r"|ipo)\S+ ){0,4}?prices\b",
            ),
            _Pattern("cut hike increase", r"\bprice (?:hikes?|increases?|cuts?)\b"),
            _Pattern(
                "closes closing shut",
                r"\b(?:closing|closes|shuts?|shutting|shutters?) (?:\S+ ){0,4}?(?:stores?|plant"
                r"|factory|locations|restaurants|facility|branches)\b",
            ),
        ),
    ),
    _rule(
        EventType.RESULTS,
        _Tier.WEAK,
        (
            _Pattern(
                "earnings",
                r"\b(?:reports?|reported|reporting|delivers?|posts?|into|following|after|upcoming"
                r"|unveil\w*) (?:\S+ )?earnings\b(?! (?:call|season|power))",
            ),
            _Pattern(
                "earnings",
                r"\bearnings (?:due|today|tomorrow|on tap|on deck|on|expected|this week|next week"
                r"|date|show\w*|are|were|is|was|to|from|sink\w*|lift\w*|send\w*|boost\w*)\b",
            ),
            _Pattern("solid", r"\bsolid quarter"),
            _Pattern("quarterly", r"\bquarterly (?:performance|numbers|figures|update|report)\b"),
            _Pattern("results", r"\b(?:financial|fiscal|interim|full-year|annual|preliminary) results\b"),
            _Pattern("results", r"\bresults (?:for|of) (?:the )?(?:\w+ )?(?:quarter|year|half)\b"),
            _Pattern("results", r"\b(?:after|on|following|despite|reports?|announces?) (?:\w+ )?results\b"),
            _Pattern("eps", r"\beps\b"),
            _Pattern("results", r"\breport(?:s|ed|ing)? results\b"),
        ),
    ),
    # A company that does something with its products, by its first words.
    _rule(
        EventType.PRODUCT,
        _Tier.WEAK,
        (
            _Pattern(
                "accelerate accelerating add advance announces announcing begins bet bring builds creates"
                " deeper delivers develop discontinues drops enhance enhancing enters equips expand"
                " explores extends halts installs into offer opens powers push ramp rebrands remodel"
                " renames resumes scale scaling sets shows shutters starts supplies tackles taps teases"
                " testing turn unlock updates upgrades uses using",
                r"^(?:update: |reported: |market chatter: )?(?!(?:why|how|what|when|is|are|can"
                r"|will|the|these|this|my|if|should|here|do|does|did|stock|stocks|shares|trump|us"
                r"|u\.s\.|fed|oil|jim|warren|investors|analysts?"
                r"|wall)\b)(?:[\w.&'-]+,? (?:inc\.? )?){1,4}?(?:: )?(?:said to |plans to "
                r"|seeks to |aims to |looks to |set to |wants to |to |will |may |is |are "
                r"|in talks to )?(?:announc(?:es|ing)|expand(?:s|ing)?|enhanc(?:es?|ing)|sets up"
                r"|supplies|bets? (?:big )?on|push(?:es|ing)?|explores|testing|adds?|adding"
                r"|brings?|offers?|offering|remodel(?:s|ing)?|mov(?:es?|ing) (?:into|deeper)"
                r"|turns? to|taps|updates|builds|develop(?:s|ing)?|creates|powers|begins|starts"
                r"|extends|enters|scal(?:es?|ing)|ramps?|unlocks?|tackles|accelerat(?:es?|ing)"
                r"|advances? (?!on)|us(?:es|ing)|upgrades|equips|teases|shows off|delivers"
                r"|installs|opens|shutters|halts|resumes|drops plans|discontinues|renames"
                r"|rebrands) ",
            ),
        ),
    ),
    _rule(
        EventType.PRODUCT,
        _Tier.WEAK,
        (
            _Pattern(
                "airworthiness beta certification customer delivery evaluation flight shipment testing",
                r"\b(?:test flight|technical evaluation|airworthiness|certification|late testing"
                r"|beta test\w*|first (?:flight|customer|shipment|delivery))\b",
            ),
            _Pattern("commit", r"\bcommit(?:s|ted|ting)? to spend\w*"),
            _Pattern("traction", r"\bgain(?:s|ed)? traction\b"),
            _Pattern("tier", r"\b(?:ad-supported|subscription) tier\b"),
            _Pattern("higher", r"\bhigher price now\b"),
            _Pattern("content rights", r"\b(?:content spend|streaming rights|tv rights|media rights)\b"),
        ),
    ),
    # Moves without a cause.
    _rule(
        EventType.PRICE,
        _Tier.MOVE,
        (
            _Pattern(
                "adr cap scrip share shr stock value",
                r"\b(?:stocks?|shares?|shr|scrips?|adrs?|market (?:cap|value"
                rf"|capitali[sz]ation))\b(?: \S+){{0,4}}? (?:{_MOVES}|up|down|higher|lower|red"
                r"|green|highs?|lows?|flat|swings?)\b",
            ),
            _Pattern(
                "advanced advances advancing ascend bounce bouncing climb clos crash crater decline"
                " declining dip dive drop edg end explode exploding fall fell finish gain head inch jump"
                " leap lift loses lost mov nosedive open outperform plummet plunge plunging pop pull push"
                " rallied rallies rally rebound retreat rise rising rocket rose sag sank sell shed sink"
                " skid skyrocket slid slip slump soar spike spiking stumble stumbling surge surging swoon"
                " tank tick trad tumble tumbling underperform weaken wobble wobbling",
                rf"\b{_MOVES} (?:\S+ )?\d[\d.,]*(?:%| ?percent| ?pct| points)",
            ),
            _Pattern(
                "advanced advances advancing ascend bounce bouncing climb clos crash crater decline"
                " declining dip dive down drop edg end explode exploding fall fell finish gain head"
                " higher inch jump leap lift loses loss lost lower mov nosedive open outperform plummet"
                " plunge plunging pop pull push rallied rallies rally rebound retreat rise rising rocket"
                " rose sag sank sell shed sink skid skyrocket slid slip slump soar spike spiking stumble"
                " stumbling surge surging swoon tank tick trad tumble tumbling underperform up weaken"
                " wobble wobbling",
                rf"[+-]?\d[\d.]*(?:%| ?percent) (?:{_MOVES}|up|down|higher|lower|gain|loss|rally"
                r"|surge|drop|decline|jump)",
            ),
            _Pattern("down up", r"\b(?:up|down) (?:\w+ )?\d[\d.]*(?:%| ?percent| ?pct)"),
            _Pattern(
                "xname",
                rf"^xname(?:'s)? (?:{_MOVES})\b(?! (?:\w+ )?(?:to|its|new|the|a|into|out|ball" r"|from the|behind))",
            ),
            _Pattern("52 fifty", r"\b(?:52|fifty-two)[- ]week (?:high|low)s?\b"),
            _Pattern(
                "high low",
                r"\b(?:record|all-time|new|multi-year|near-record|\w+-(?:month|year|week" r"|day)) (?:highs?|lows?)\b",
            ),
            _Pattern(
                "advanced advances advancing ascend bounce bouncing climb clos crash crater decline"
                " declining dip dive drop edg end explode exploding fall fell finish gain head inch jump"
                " leap lift loses lost mov nosedive open outperform plummet plunge plunging pop pull push"
                " rallied rallies rally rebound retreat rise rising rocket rose sag sank sell shed sink"
                " skid skyrocket slid slip slump soar spike spiking stumble stumbling surge surging swoon"
                " tank tick trad tumble tumbling underperform weaken wobble wobbling",
                r"^(?!(?:stocks?|markets?|oil|why|how|what|dow|nasdaq|sales|revenue|profits?"
                rf"|earnings)\b)(?:[\w.&'-]+ ){{1,3}}?{_MOVES}(?:[.,;:]|$| today\b| as | after "
                r"| on (?:mon|tues|wednes|thurs|fri))",
            ),
            _Pattern("streak", r"\b(?:winning|losing) streak\b"),
            _Pattern("price", r"\b(?:stock|share) price\b"),
            _Pattern(
                "crash plunge rally rout run sell slump surge",
                r"\b(?:stock|share|shares|market|recent|\d%|this|price|post-earnings|relief|week"
                r"|month|year|day)(?:'s)? (?:\w+ )?(?:rally|sell-?off|slump|surge|plunge|rout"
                r"|crash|run)\b",
            ),
            _Pattern(
                "gets goes lags leads mauled outpaces shrugs stuck swings",
                r"\bstock (?:leads|lags|outpaces|mauled|gets|is stuck|goes|swings|shrugs)\b",
            ),
            _Pattern("than", r"\b(?:fall|dip|drop|decline|loss|gain|rise)s? than (?:the )?(?:broader )?market\b"),
            _Pattern("cap value", r"\bmarket (?:cap|capitali[sz]ation|value)\b"),
            _Pattern("premarket", r"\bpremarket\b"),
            _Pattern("hours", r"\bafter hours\b"),
        ),
    ),
    # What a broker says of a company, where nothing else is reported.
    _rule(
        EventType.RATING,
        _Tier.FEATURE,
        (
            _Pattern(
                "america analyst angel arete argus baird barclays berenberg bernstein blair bmo bnp bofa"
                " brokerage btig canaccord cantor cfra citi clsa cowen daiwa davidson deutsche dz edward"
                " emkay evercore goldman guggenheim hallum hdfc hedgeye hsbc icici james jefferies jmp jp"
                " kepler keybanc kotak leerink loop macquarie melius mizuho moffettnathanson morgan"
                " morningstar needham nomura northland nuvama of oppenheimer oswal piper prabhudas rbc"
                " redburn rosenblatt roth says scotiabank seaport sharekhan societe stanley stephens"
                " stifel suisse susquehanna td tigress truist ubs wainwright wedbush wells wolfe",
                r"^(?!.*\b(?:fed|oil|s&p|stocks|markets?|econom\w+|inflation|rates?|gold|silver"
                r"|investors|recession|gdp|war|iran|ceo|exec|bonds?|tariffs?|crude|dollar|fund"
                rf"|client|conference|bitcoin|crypto)\b).*(?:\b{_BROKER} (?:analysts? )?(?:says?"
                r"|sees?|flags?|warns?|points? to|thinks?|expects?|highlights?|likes?|notes?"
                r"|updates?|adjusts?|reassess\w*|resets?|revamps?|backs?|names?|calls?|remains?|is"
                r"|stays?|turns?|issues|delivers|drops|believes?|trims?|cuts?|raises?|hikes?"
                r"|lifts?|lowers?|boosts?|favors?|recommends?)\b|\b(?:says?|:|according to|warns?"
                rf"|notes?|- ) {_BROKER}$|\b{_BROKER} says$)",
            ),
        ),
    ),
    _rule(
        EventType.OTHER,
        _Tier.FEATURE,
        (
            _Pattern("award winner", r"\b(?:awards?|awarded|winners?) .*\b(?:of the year|grant|scholarships?)\b"),
            _Pattern("year", r"\bof the year\b"),
            _Pattern("grant", r"\bgrants? to\b"),
            _Pattern("annual", r"\bannual (?:general )?meeting\b"),
            _Pattern("host participate present speak", r"\bto (?:present|participate|speak|host) (?:at|in|a)\b"),
            _Pattern("sponsor", r"\bsponsors?(?:hip)?\b"),
            _Pattern("donat", r"\bdonat\w+\b"),
            _Pattern("scholarship", r"\bscholarships?\b"),
            _Pattern("sustainability", r"\bsustainability report\b"),
            _Pattern("anniversary", r"\banniversary\b"),
            _Pattern("years", r"\bmarks? \w+ years\b"),
        ),
    ),
    # Opinion by weaker signs, where nothing is reported.
    _rule(
        EventType.OPINION,
        _Tier.FEATURE,
        (
            _Pattern("?", r"\?"),
            _Pattern("here", r"\bhere(?:'s| is| are)\b"),
            _Pattern(
                "what",
                r"\bwhat (?:investors|you|traders|to|wall street|it means|happens|comes|makes" r"|matters|the)\b",
            ),
            _Pattern("how what when where why", r"^(?:why|how|what|when|where)\b"),
            _Pattern("need", r"\bneed to know\b"),
            _Pattern("facts takeaways things", r"\b(?:things|facts|takeaways) (?:to|you|we|investors|from)\b"),
            _Pattern("valuation", r"\bvaluations?\b"),
            _Pattern("over under", r"\b(?:under|over)valu(?:ed|ation)\b"),
            _Pattern("upside", r"\bupside\b"),
            _Pattern("downside", r"\bdownside\b"),
            _Pattern("bear bull", r"\b(?:bull|bear)(?:s|ish)?\b"),
            _Pattern(
                "bargain catalyst cheap compounder expensive flag headwind hidden mispriced moat"
                " multibagger opportunity rat smart story tailwind turnaround",
                r"\b(?:opportunity|bargains?|cheap|expensive|moat|mispriced|re-rat\w+|compounder"
                r"|multibagger|hidden|smart money|tailwinds?|headwinds?|growth story|turnaround"
                r"|catalysts?|red flags?)\b",
            ),
            _Pattern(
                "could may might",
                r"\b(?:could|might|may) (?:be|soar|rise|fall|double|surge|make|become|change|drop"
                r"|crash|help|still|finally|mean|hit|have)\b",
            ),
            _Pattern("future next", r"\b(?:next|future) of\b"),
            _Pattern("investor", r"\binvestors? (?:love|hate|should|are|is|can|fear|worry|face)\b"),
            _Pattern("look", r"\blooks? (?:attractive|cheap|good|expensive|poised|different|like|smart|set)\b"),
            _Pattern("poised", r"\bpoised (?:for|to)\b"),
            _Pattern("yield", r"\bdividend yield\b"),
            _Pattern("yield", r"\b\d[\d.]*% yield\b"),
            _Pattern("history", r"^history of\b"),
            _Pattern("timeline", r"\btimeline\b"),
            _Pattern("overtake surpass", r"\bexpected to (?:surpass|overtake)\b"),
            _Pattern("set", r"\bset to (?:soar|surge|surpass|win|benefit)\b"),
            _Pattern("say", r"\bsays? buy\b"),
            _Pattern(
                "xname",
                r"^xname's .*\b(?:strategy|problem|future|moment|secret|bet|edge|big|real|hidden" r"|next chapter)\b",
            ),
        ),
    ),
    # The market and the economy by their words.
    _rule(
        EventType.MACRO,
        _Tier.MARKET,
        (
            _Pattern(
                "big boe boj bond brent ceasefire central consumer cpi crude dow ecb economic economies"
                " economist economy election equities fed fomc gas gdp geopolit gold hormuz housing"
                " inflation interest iran jobs market middle nasdaq nifty oil opec payroll pce powell"
                " private rate recession rupee s&p sensex tariff trade treasuries treasury trump wall war"
                " wti",
                r"\b(?:fed|federal reserve|powell|warsh|fomc|econom(?:y|ic|ies|ists?)|inflation"
                r"|tariffs?|crude|brent|wti|opec\+?|iran(?:ian)?|war|ceasefire|hormuz|recession"
                r"|treasur(?:y|ies)|treasury yields?|payrolls?|jobs report|cpi|pce|gdp"
                r"|interest rates?|rate (?:cut|hike)s?|s&p(?: 500)?|nasdaq|dow(?: jones)?"
                r"|wall street|stock market|markets|trump|central banks?|equities|trade (?:war"
                r"|deal|talks|deficit|surplus)|election|geopolit\w*|sensex|nifty|rupee|ecb|boj|boe"
                r"|housing|consumer (?:sentiment|confidence|spending)|oil(?! (?:giant|major"
                r"|company|producer|stock|firm|explorer|driller|service))|gold(?! cross)"
                r"|gas prices|gasoline|middle east|big tech|bond market|private credit)\b",
            ),
        ),
    ),
)

# What stands for the company's name in a comparable text, also where it rates or comments on something else.
_NAME = "xname"
_BROKER_NAME = "brokerage"
_BROKER_ROLE = "broker"
# Roles of a company that a headline reports something of.
_REPORTED_ROLES = frozenset({"subject", "affected"})

# Typographic characters as plain ones; hash signs are dropped, so that a tag reads as a word.
_PLAIN_CHARACTERS = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "‐": "-", "#": "", "…": "...", "\xa0": " "}
)
# Quotation marks, apostrophes within words excepted.
_QUOTES = re.compile(r"(?<![a-z0-9])'|'(?![a-z0-9])|\"")
# `(NASDAQ: AAPL)`, `(AAPL)`.
_TICKER = re.compile(r"\s*\((?:[a-z ]+:\s?)?[a-z]{1,5}(?:\.[a-z])?\)")
# Cashtags, links and short remarks in square brackets, as in posts.
_NOISE = re.compile(r"\$[a-z][a-z._]*\b|https?://\S+|\[[^\]]{1,10}\]")
# The publisher after a dash or a bar; only names that publishers have, as a title may go on after a dash.
_PUBLISHER = re.compile(
    r"\s[-|]\s(?:the )?(?:[\w.&']+ ){0,3}(?:news|times|journal|post|daily|wire|business|finance|money|today|fool"
    r"|reuters|bloomberg|cnbc|barron's|forbes|fortune|benzinga|marketwatch|yahoo[\w! ]*|zacks|nasdaq|wsj|ft|insider"
    r"|alpha|street|investing|[\w.]*\.com|magazine|herald|tribune|guardian|telegraph|independent|bbc|cnn|fox|msn"
    r"|tipranks|gurufocus|simply wall st|investopedia|axios|politico|techcrunch|verge|start)\s*$"
)
_WORD = re.compile(r"[a-z0-9&]+|[?%$]")
# After the share's move: a cause follows, which the rules of events did not recognise. A day is none.
_CAUSE = re.compile(
    r"\b(?:after|following|amid|over|despite|with|sends?|as (?!the|market|stocks)"
    r"|on (?!mon|tues|wednes|thurs|fri|the day|\d|wall|track|high|heavy))"
)
# Publishers of comment: what rules do not recognise there is opinion.
_OPINION_SOURCES = frozenset({"seekingalpha", "seeking alpha", "the motley fool", "motley fool", "zacks", "chartmill"})

# What stands before the items in the title of a filing, as `adapters.news.edgar` writes it.
_FILING = re.compile(r"\b(?:files 8-K|amends its 8-K): (?P<items>.+)$", re.IGNORECASE)

# Event types by item of Form 8-K (SEC, Form 8-K, general instructions, sections 1 to 9). The form names a topic, not
# what was decided, so an item has a type only where its topic has one.
_EVENT_BY_ITEM: dict[str, EventType] = {
    # Entry into and end of a material agreement; most are contracts.
    "1.01": EventType.PRODUCT,
    "1.02": EventType.PRODUCT,
    # Bankruptcy or receivership: what becomes of the company's capital.
    "1.03": EventType.CAPITAL,
    # Mine safety; cybersecurity incidents.
    "1.04": EventType.PRODUCT,
    "1.05": EventType.PRODUCT,
    # Completion of an acquisition or disposition of assets.
    "2.01": EventType.MNA,
    # Results of operations and financial condition.
    "2.02": EventType.RESULTS,
    # New and accelerated obligations.
    "2.03": EventType.CAPITAL,
    "2.04": EventType.CAPITAL,
    # Costs of exit or disposal activities, which are mostly severance.
    "2.05": EventType.PEOPLE,
    # Material impairments: figures of a past period.
    "2.06": EventType.RESULTS,
    # Notice of delisting: a listing rule is not met.
    "3.01": EventType.LEGAL,
    # Unregistered sales of equity; changed rights of security holders.
    "3.02": EventType.CAPITAL,
    "3.03": EventType.CAPITAL,
    # Change of the auditor.
    "4.01": EventType.OTHER,
    # Financial statements that should no longer be relied upon.
    "4.02": EventType.RESULTS,
    # Change in control.
    "5.01": EventType.MNA,
    # Departure, election and pay of directors and officers.
    "5.02": EventType.PEOPLE,
    # Bylaws; trading suspended under benefit plans; code of ethics; shell status; shareholder votes and nominations.
    "5.03": EventType.OTHER,
    "5.04": EventType.OTHER,
    "5.05": EventType.OTHER,
    "5.06": EventType.OTHER,
    "5.07": EventType.OTHER,
    "5.08": EventType.OTHER,
    # Regulation FD, other events, exhibits: any topic.
    "7.01": EventType.OTHER,
    "8.01": EventType.OTHER,
    "9.01": EventType.OTHER,
}

# Beginnings of the items' names as EDGAR's feed writes them, in lower case.
_ITEM_BY_NAME: dict[str, str] = {
    "entry into a material": "1.01",
    "termination of a material": "1.02",
    "bankruptcy": "1.03",
    "mine safety": "1.04",
    "material cybersecurity": "1.05",
    "completion of acquisition": "2.01",
    "results of operations": "2.02",
    "creation of a direct": "2.03",
    "triggering events": "2.04",
    "cost associated with exit": "2.05",
    "costs associated with exit": "2.05",
    "material impairments": "2.06",
    "notice of delisting": "3.01",
    "unregistered sale": "3.02",
    "material modification": "3.03",
    "changes in registrant's certifying": "4.01",
    "non-reliance": "4.02",
    "changes in control": "5.01",
    "departure of directors": "5.02",
    "amendments to articles": "5.03",
    "temporary suspension": "5.04",
    "amendments to the registrant's code": "5.05",
    "change in shell": "5.06",
    "submission of matters": "5.07",
    "shareholder director nominations": "5.08",
    "shareholder nominations": "5.08",
    "regulation fd": "7.01",
    "other events": "8.01",
    "financial statements and exhibits": "9.01",
}

# Of the items of one filing, the one with the plainest topic counts: figures before people before contracts, and a
# topic before "other".
_ITEM_PRIORITY: tuple[EventType, ...] = (
    EventType.RESULTS,
    EventType.MNA,
    EventType.LEGAL,
    EventType.PEOPLE,
    EventType.CAPITAL,
    EventType.PRODUCT,
)


@dataclass(frozen=True, slots=True)
class _CompiledPattern:
    """A pattern, ready to be searched, with the type and the tier of its rule."""

    event: EventType
    tier: _Tier
    stems: tuple[str, ...]
    expression: re.Pattern[str]


@cache
def _compiled_patterns() -> tuple[_CompiledPattern, ...]:
    """All patterns in the order in which they are tried; compiled at the first use, as an import should be quick."""
    patterns: list[_CompiledPattern] = []
    for rule in sorted(_RULES, key=lambda rule: rule.tier):
        for pattern in rule.patterns:
            expression = re.compile(pattern.expression)
            patterns.append(_CompiledPattern(rule.event, rule.tier, tuple(pattern.stems.split()), expression))
    return tuple(patterns)


@cache
def _patterns_by_prefix() -> dict[str, list[tuple[str, int]]]:
    """Stems and the bit of their pattern, by the stem's first two characters."""
    by_prefix: dict[str, list[tuple[str, int]]] = {}
    for position, pattern in enumerate(_compiled_patterns()):
        for stem in pattern.stems:
            by_prefix.setdefault(stem[:2], []).append((stem, 1 << position))
    return by_prefix


# 2^16 words: more than the different words of a year's headlines.
@lru_cache(maxsize=65_536)
def _candidates(word: str) -> int:
    """The patterns that a text with this word may match, as bits in the order in which they are tried."""
    candidates = 0
    for stem, bit in _patterns_by_prefix().get(word[:2], ()):
        if word.startswith(stem):
            candidates |= bit
    return candidates


def _comparable_text(text: str, span: _Span | None, role: str) -> str:
    """Return the text in lower case and plain characters, without publisher, tickers and the company's name.

    The name, which may be any word, is replaced by a sign, so that the type does not depend on it.
    """
    if span is not None:
        name = text[span[0] : span[1]]
        text = text.replace(name, _BROKER_NAME if role == _BROKER_ROLE else _NAME)
    text = text.lower().translate(_PLAIN_CHARACTERS)

    # Each expression only where its characters occur: most titles need none of them.
    if "'" in text or '"' in text:
        text = _QUOTES.sub("", text)
    if "$" in text or "http" in text or "[" in text:
        text = _NOISE.sub(" ", text)
    if "(" in text:
        text = _TICKER.sub("", text)
    if " - " in text or " | " in text:
        text = _PUBLISHER.sub("", text)
    return " ".join(text.split()).strip(" :-|,")


def rule_event(
    text: str,
    span: _Span | None = None,
    *,
    role: str = "",
    source: str = "",
) -> EventType | None:
    """Return the type of the event that a headline reports of a company; None where no rule decides.

    A move with its cause has the type of the cause; where the cause is stated but not recognised, no rule decides. Of
    a company of which the headline reports something, the state of the market is not the event.

    Args:
        text: The words about the company: a clause, or the whole title.
        span: Start and end of the company's first name in `text`.
        role: The company's role in the headline.
        source: Publisher.
    """
    filing = _FILING.search(text)
    if filing is not None:
        return _event_of_item_names(filing["items"].split("; "))

    comparable = _comparable_text(text, span, role)
    candidates = 0
    for word in _WORD.findall(comparable):
        candidates |= _candidates(word)

    patterns = _compiled_patterns()
    is_reported = role in _REPORTED_ROLES
    first_event: EventType | None = None
    first_start = len(comparable)
    first_tier = _Tier.FORM
    while candidates:
        # The lowest bit is the pattern that is tried next.
        bit = candidates & -candidates
        candidates ^= bit
        pattern = patterns[bit.bit_length() - 1]

        # An event was found, and all patterns of its tier were tried.
        if first_event is not None and pattern.tier != first_tier:
            return first_event
        if is_reported and pattern.event is EventType.MACRO:
            continue
        match = pattern.expression.search(comparable)
        if match is None:
            continue

        if pattern.tier not in (_Tier.FACT, _Tier.WEAK):
            is_unknown_cause = pattern.tier is _Tier.MOVE and _CAUSE.search(comparable) is not None
            return None if is_unknown_cause else pattern.event
        if match.start() < first_start:
            first_event, first_start, first_tier = pattern.event, match.start(), pattern.tier

    if first_event is None and source.lower() in _OPINION_SOURCES:
        return EventType.OPINION
    return first_event


def event_of_sec_items(items: Iterable[str]) -> EventType:
    """Return the event type of a filing from the numbers of its 8-K items, as in `2.02`."""
    events = {_EVENT_BY_ITEM.get(item, EventType.OTHER) for item in items}
    for event in _ITEM_PRIORITY:
        if event in events:
            return event
    return EventType.OTHER


def _event_of_item_names(names: Iterable[str]) -> EventType:
    """Return the event type of a filing from the names of its items."""
    items: list[str] = []
    for name in names:
        plain_name = name.lower().translate(_PLAIN_CHARACTERS)
        items.extend(item for beginning, item in _ITEM_BY_NAME.items() if plain_name.startswith(beginning))
    return event_of_sec_items(items)


class RatingChange(StrEnum):
    """What an analyst or an agency does to a rating."""

    RAISED = "raised"
    CUT = "cut"
    KEPT = "kept"
    INITIATED = "initiated"
    NONE = ""
    """The rating is not mentioned."""


class TargetChange(StrEnum):
    """What an analyst does to a price target."""

    UP = "up"
    DOWN = "down"
    NONE = ""
    """It stays, or is not mentioned."""


class RatingView(StrEnum):
    """How favourable a rating, or an analyst's view, is."""

    FAVOURABLE = "favourable"
    NEUTRAL = "neutral"
    UNFAVOURABLE = "unfavourable"
    NONE = ""
    """It is not mentioned."""


@dataclass(frozen=True, slots=True)
class RatingAction:
    """What a rating action does.

    Attributes:
        rating: What happens to the rating.
        target: What happens to the price target.
        view: How favourable the rating is that is kept, begun or expressed.
    """

    rating: RatingChange
    target: TargetChange
    view: RatingView

    @property
    def probabilities(self) -> tuple[float, float, float]:
        """Probabilities of a negative, a neutral and a positive tone for the rated company.

        The order of strength is that of the share's reaction: changed recommendations move it most (Womack 1996),
        changed price targets less, and add to the recommendation (Brav and Lehavy 2003); what is only repeated is not
        new. A changed rating decides over the target; a kept rating is neutral, and with it the target decides.
        """
        # A changed rating; a target that moves the other way makes it less certain.
        if self.rating is RatingChange.RAISED:
            return _CHANGED_RATING_WITH_CONTRARY_TARGET if self.target is TargetChange.DOWN else _CHANGED_RATING
        if self.rating is RatingChange.CUT:
            is_contrary = self.target is TargetChange.UP
            return _mirrored(_CHANGED_RATING_WITH_CONTRARY_TARGET if is_contrary else _CHANGED_RATING)

        # A changed target, whatever rating is kept.
        if self.target is TargetChange.UP:
            return _CHANGED_TARGET
        if self.target is TargetChange.DOWN:
            return _mirrored(_CHANGED_TARGET)

        # Coverage begun, a list, or a view.
        if self.rating is not RatingChange.KEPT and self.view is RatingView.FAVOURABLE:
            return _NEW_VIEW
        if self.rating is not RatingChange.KEPT and self.view is RatingView.UNFAVOURABLE:
            return _mirrored(_NEW_VIEW)
        return _NO_CHANGE


# Negative, neutral, positive, for a favourable action; above the minimum confidence's default of 0.6.
_CHANGED_RATING = (0.03, 0.07, 0.90)
_CHANGED_RATING_WITH_CONTRARY_TARGET = (0.08, 0.17, 0.75)
_NEW_VIEW = (0.05, 0.15, 0.80)
_CHANGED_TARGET = (0.07, 0.21, 0.72)
_NO_CHANGE = (0.07, 0.86, 0.07)


def _mirrored(probabilities: tuple[float, float, float]) -> tuple[float, float, float]:
    negative, neutral, positive = probabilities
    return positive, neutral, negative


# Verbs of actions, in any tense.
_RAISE = (
    r"(?:rais(?:es?|ed|ing)|lift(?:s|ed|ing)?|hik(?:es?|ed|ing)|boost(?:s|ed|ing)?|increas(?:es?|ed|ing)|up(?:s|ped)"
    r"|bump(?:s|ed)?(?: up)?|higher|nudg(?:es?|ed) up|doubl(?:es?|ed)|mov(?:es?|ed) up|upward|upgrades?|ups)"
)
_CUT = (
    r"(?:cut(?:s|ting)?|lower(?:s|ed|ing)?|trim(?:s|med|ming)?|reduc(?:es?|ed|ing)|slash(?:es|ed|ing)?|drop(?:s|ped)"
    r"|decreas(?:es?|ed|ing)|pares?|pared|chops?|nudg(?:es?|ed) down|halv(?:es?|ed)|mov(?:es?|ed) down|downward"
    r"|tak(?:es|en) down|downgrades?)"
)
_KEEP = r"(?:reiterat|maintain|keep|kept|retain|reaffirm|affirm|stick|stay|stands? by|remain|repeat|back|confirm)\w*"
_TARGET = r"(?:(?:price |stock |share )?(?:targets?|objectives?)(?: price)?|pt|tp)"
_FAVOURABLE_GRADE = (
    r"(?:strong buy|conviction buy|buy|overweight|outperform|accumulate|add|positive|top pick|sector outperform)"
)
_NEUTRAL_GRADE = (
    r"(?:hold|neutral|equal[- ]?weight|market perform|sector perform|peer perform|in[- ]line|sector weight|perform)"
)
_UNFAVOURABLE_GRADE = r"(?:strong sell|sell|underweight|underperform|reduce|negative|sector underperform)"
_CURRENCY = r"(?:us\$|c\$|a\$|\$|€|£|₹|rs\.? ?)?"
_NUMBER = r"\d[\d,]*(?:\.\d+)?"

# Words between a verb and the rating that it changes: no target, and no second action.
_RATED = r"(?:(?!target|keep|maintain|reiterat|to\b|and\b)[^\s,;]+ ){0,4}?"

_UPGRADE = re.compile(
    rf"\b(?:double-?)?upgrad(?:e[sd]?|ing)\b|\b{_RAISE} (?:\S+ ){{0,6}}?to {_FAVOURABLE_GRADE}\b"
    rf"|\bfrom {_UNFAVOURABLE_GRADE} to (?:{_FAVOURABLE_GRADE}|{_NEUTRAL_GRADE})\b"
    rf"|\bfrom {_NEUTRAL_GRADE} to {_FAVOURABLE_GRADE}\b"
    rf"|\b(?:outlook|watch) (?:\S+ ){{0,4}}?(?:{_RAISE} )?to (?:positive|stable from negative)\b"
    rf"|\b{_RAISE} {_RATED}outlook\b|\boutlook {_RAISE}\b"
    rf"|\b{_RAISE} {_RATED}(?:credit |debt )?ratings?\b|\bratings? {_RAISE}\b"
)
_DOWNGRADE = re.compile(
    rf"\b(?:double-?)?downgrad(?:e[sd]?|ing)\b"
    rf"|\b{_CUT} (?:\S+ ){{0,6}}?to (?:{_UNFAVOURABLE_GRADE}|{_NEUTRAL_GRADE})\b(?! (?:target|price))"
    rf"|\bfrom {_FAVOURABLE_GRADE} to (?:{_UNFAVOURABLE_GRADE}|{_NEUTRAL_GRADE})\b"
    rf"|\bfrom {_NEUTRAL_GRADE} to {_UNFAVOURABLE_GRADE}\b"
    rf"|\b(?:outlook|watch) (?:\S+ ){{0,4}}?to (?:negative|stable from positive)\b"
    rf"|\b{_CUT} {_RATED}outlook\b|\boutlook {_CUT}\b|\bto junk\b|\b(?:negative|downgrade) watch\b"
    rf"|\bwatch negative\b|\b{_CUT} {_RATED}(?:credit |debt )?ratings?\b|\bratings? {_CUT}\b"
)
# A change that did not happen, or is past or asked for.
_NO_CHANGE_YET = re.compile(
    r"\b(?:avoids?|despite|shrugs? off|no|not|denies|could|may|might|risks?|fears? of|possible|potential"
    r"|threat\w* of|warns? of) (?:an? |the |its |double |recent |analyst |credit |rating )*(?:be )?(?:up|down)grad"
)
_INITIATED = re.compile(
    r"\b(?:initiat|start|resum|launch|assum|begin|pick)\w* (?:\S+ ){0,4}?(?:coverage|up coverage)\b"
    r"|\bcoverage (?:\S+ ){0,4}?(?:initiat|start|resum|launch|assum|begin)\w*"
    rf"|\binitiat\w* (?:\S+ ){{0,5}}?(?:at|with|as) (?:an? )?{_GRADE}|\bstart(?:s|ed) (?:\S+ ){{0,4}}?at {_GRADE}"
)
_KEPT = re.compile(
    rf"\b{_KEEP} (?:\S+ ){{0,6}}?(?:{_GRADE}|{_TARGET}|ratings?|outlook)\b|\breiterated (?:as|at)\b|\baffirms?\b"
)
_TARGET_UP = re.compile(rf"\b{_RAISE} (?:\S+ ){{0,7}}?{_TARGET}\b|\b{_TARGET} (?:\S+ ){{0,6}}?{_RAISE}\b")
_TARGET_DOWN = re.compile(rf"\b{_CUT} (?:\S+ ){{0,7}}?{_TARGET}\b|\b{_TARGET} (?:\S+ ){{0,6}}?{_CUT}\b")
# Former and new target: "from $90 to $100", "to $100 from $90".
_FROM_TO = re.compile(rf"\bfrom {_CURRENCY}(?P<former>{_NUMBER})p? to {_CURRENCY}(?P<new>{_NUMBER})")
_TO_FROM = re.compile(rf"\bto {_CURRENCY}(?P<new>{_NUMBER})p?,? from {_CURRENCY}(?P<former>{_NUMBER})")
_LISTED = re.compile(
    r"\b(?:add(?:s|ed)?|put|puts|joins?|made|makes) (?:\S+ ){0,6}?(?:list|catalyst watch)\b|\bpositive catalyst watch\b"
    r"|\b(?:names?|named|calls?|new|a|its|as|is|remains) (?:\S+ ){0,4}?top pick\b|\btop pick (?:at|for|by|of|among)\b"
    r"|\bbest ideas? list\b"
)
_UNLISTED = re.compile(
    r"\b(?:remov(?:es?|ed|ing)|drop(?:s|ped)?|delet(?:es?|ed)|tak(?:es?|en)|exits?) (?:\S+ ){0,6}?"
    r"(?:conviction|focus|best ideas?|top picks?|buy|priority) list\b|\bnegative catalyst watch\b"
)
_BULLISH = re.compile(
    r"\b(?:bullish|upbeat|positive|constructive|optimistic) (?:on|about|view|call|stance)\b"
    r"|\b(?:says?|said) (?:to )?buy\b|\bsees? (?:\S+ )?upside\b|\brecommends? (?:buying|to buy)\b"
)
_BEARISH = re.compile(
    r"\b(?:bearish|cautious|negative|pessimistic|downbeat|wary) (?:on|about|view|call|stance)\b"
    r"|\b(?:says?|said) (?:to )?(?:sell|avoid)\b|\bsees? (?:\S+ )?downside\b|\brecommends? (?:selling|to sell)\b"
)
_FAVOURABLE = re.compile(rf"\b{_FAVOURABLE_GRADE}\b")
_NEUTRAL = re.compile(rf"\b{_NEUTRAL_GRADE}\b")
_UNFAVOURABLE = re.compile(rf"\b{_UNFAVOURABLE_GRADE}\b")

# Between two actions of one title.
_ACTION_BREAK = re.compile(r"\s*;\s*|,\s+(?:and |but |while )?|\s(?:while|but|whereas)\s|\sand\s")
# An action that continues the one before: it names no company of its own.
_CONTINUED_ACTION = re.compile(
    rf"^(?:{_RAISE}|{_CUT}|{_KEEP}|sets?|gives?|with|{_TARGET}) (?:\S+ ){{0,2}}?(?:its |the |an? |price )*"
    rf"(?:{_TARGET}|ratings?"
    rf"|estimates?|forecasts?|outlook|{_GRADE})\b|^(?:to|from|at|on) "
    r"|\((?:rating )?(?:up|down)graded?\)"
)
# A change of a target at the end of a part, no company named: "UBS cuts price target, keeps Buy rating on Acme".
_BARE_TARGET = re.compile(rf"(?:{_RAISE}|{_CUT}) (?:its |the )?{_TARGET}$")


def rating_action(text: str, span: _Span | None = None) -> RatingAction | None:
    """Return what the rating action of a headline does; None where it reports none, or not what it does.

    Args:
        text: The words about the rated company.
        span: Start and end of its first name in `text`; where it is given, another company's action in the same text
            does not count.
    """
    comparable = _comparable_text(text, span, "")
    action_text = _own_actions(comparable)

    rating = _rating_change(action_text)
    target = _target_change(action_text)
    view = _rating_view(action_text)
    if rating is RatingChange.NONE and target is TargetChange.NONE and view is RatingView.NONE:
        return None
    return RatingAction(rating, target, view)


def _own_actions(comparable: str) -> str:
    """The part of the text with the company's name, and the parts that continue it; all of it without a name."""
    if _NAME not in comparable:
        return comparable
    parts = _ACTION_BREAK.split(comparable)
    own_parts: list[str] = []
    is_own = False
    for part in parts:
        # After the name only what continues the action; before it only a target without a company.
        if _NAME in part:
            is_own = True
        elif own_parts:
            is_own = is_own and _CONTINUED_ACTION.search(part) is not None
        else:
            is_own = _BARE_TARGET.search(part) is not None
        if is_own:
            own_parts.append(part)
    return ", ".join(own_parts)


def _rating_change(text: str) -> RatingChange:
    upgrade = _UPGRADE.search(text)
    downgrade = _DOWNGRADE.search(text)
    if (upgrade or downgrade) and not _NO_CHANGE_YET.search(text):
        # Where both are found, the first is the action, the second its past: "upgraded after downgrade in May".
        is_raised = upgrade is not None and (downgrade is None or upgrade.start() <= downgrade.start())
        return RatingChange.RAISED if is_raised else RatingChange.CUT
    if _INITIATED.search(text):
        return RatingChange.INITIATED
    if _KEPT.search(text):
        return RatingChange.KEPT
    return RatingChange.NONE


def _target_change(text: str) -> TargetChange:
    # Numbers are plainer than verbs.
    amounts = _FROM_TO.search(text) or _TO_FROM.search(text)
    if amounts is not None:
        former, new = _amount(amounts["former"]), _amount(amounts["new"])
        if new != former:
            return TargetChange.UP if new > former else TargetChange.DOWN

    up = _TARGET_UP.search(text)
    down = _TARGET_DOWN.search(text)
    if up and down:
        return TargetChange.UP if len(up[0]) < len(down[0]) else TargetChange.DOWN
    if up:
        return TargetChange.UP
    return TargetChange.DOWN if down else TargetChange.NONE


def _amount(digits: str) -> float:
    return float(digits.replace(",", ""))


def _rating_view(text: str) -> RatingView:
    if _UNLISTED.search(text) or _BEARISH.search(text):
        return RatingView.UNFAVOURABLE
    if _LISTED.search(text) or _BULLISH.search(text):
        return RatingView.FAVOURABLE
    if _UNFAVOURABLE.search(text):
        return RatingView.UNFAVOURABLE
    if _NEUTRAL.search(text):
        return RatingView.NEUTRAL
    return RatingView.FAVOURABLE if _FAVOURABLE.search(text) else RatingView.NONE


# 2^16 texts: many rows of a year repeat a title of another company or window.
@lru_cache(maxsize=65_536)
def _cached_rule_event(text: str, spans: str, role: str, source: str) -> str:
    """The type of a row as text, empty where no rule decides; spans as in HEADLINES."""
    first_span = spans.partition(" ")[0]
    start, _, end = first_span.partition("-")
    span = (int(start), int(end)) if end else None
    return rule_event(text, span, role=role, source=source) or ""


def assign_events(headlines: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with column `event` filled: the rules' type of each row of a company, else empty.

    Args:
        headlines: HEADLINES frame.
    """
    names = ("symbol", "title", "text", "span", "role", "source")
    columns = [headlines[name].tolist() for name in names]
    events: list[str] = []
    for symbol, title, text, spans, role, source in zip(*columns, strict=True):
        if not symbol:
            events.append("")
        elif text:
            events.append(_cached_rule_event(text, spans, role, source))
        else:
            # The spans are those of the text, which such a row does not have.
            events.append(_cached_rule_event(title, "", role, source))
    # An explicit dtype: an empty list would become object.
    return headlines.assign(event=pd.Series(events, index=headlines.index, dtype="str"))

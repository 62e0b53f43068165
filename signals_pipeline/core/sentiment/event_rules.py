"""The words by which event types are told: patterns by type, in the order in which they are tried.

How a text is made comparable and how the patterns are applied stands in `sentiment.events`. A new kind of headline
gets an alternative here and a title in the tests.
"""

from dataclasses import dataclass
from enum import IntEnum

from signals_pipeline.core.event_types import EventType

# What stands for the company's name in a comparable text, also where it rates or comments on something else.
COMPANY_NAME = "xname"
BROKER_NAME = "brokerage"


class Tier(IntEnum):
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
class Pattern:
    """Words that decide a type.

    Attributes:
        stems: Beginnings of words, separated by blanks. A text in which no word begins so can't match the expression,
            which is then not tried; that makes rules ten times as fast. A stem of one character is a whole word.
        expression: Regular expression, searched in the text as `sentiment.events` returns it.
    """

    stems: str
    expression: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A type and the patterns any of which decides it."""

    event: EventType
    tier: Tier
    patterns: tuple[Pattern, ...]


def _rule(event: EventType, tier: Tier, patterns: tuple[Pattern, ...]) -> Rule:
    return Rule(event, tier, patterns)


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

RULES: tuple[Rule, ...] = (
    # An author's rating in brackets, as Seeking Alpha writes it.
    _rule(EventType.RATING, Tier.FORM, (Pattern("down up", r"\((?:rating )?(?:up|down)grade[d]?\)"),)),
    # Advice to a reader.
    _rule(
        EventType.OPINION,
        Tier.FORM,
        (
            Pattern("should", r"\bshould (?:you|i|we|(?:\w+ )?investors|retirees|prompt|require)\b"),
            Pattern("xname", r"\bshould xname .*\b(?:radar|portfolio)\b"),
        ),
    ),
    _rule(
        EventType.OPINION,
        Tier.FORM,
        (
            Pattern("cramer", r"\bcramer(?:'s)?\b"),
            Pattern("zacks", r"\bzacks\b"),
        ),
    ),
    _rule(
        EventType.OPINION,
        Tier.FORM,
        (
            Pattern("bear bull", r"\b(?:bull|bear)(?:ish)? (?:case|thesis|call|scenario|argument)\b"),
            Pattern("bear bull", r"\b(?:bull|bear) of the day\b"),
            Pattern("investment", r"\binvestment (?:case|thesis|story|narrative|bet|choice|option|appeal)\b"),
            Pattern(
                "narrative story thesis",
                r"\b(?:narrative|story|thesis)\b.*\b(?:shift|chang|evolv|rewrit|redefin|adjust" r"|reshap|realign)\w*",
            ),
            Pattern(
                "narrative story thesis",
                r"\b(?:shift|chang|evolv|rewrit|redefin|reshap)\w* .*\b(?:narrative" r"|investment story|thesis)\b",
            ),
            Pattern("durable", r"\bdurable competitive advantage\b"),
            Pattern("radar", r"\bon your (?:investing )?radar\b"),
            Pattern("face", r"\bface-?off\b"),
            Pattern("contributors", r"\bcontributors and detractors\b"),
            Pattern("need", r"\bwhat investors need to know$"),
            Pattern("attractive", r"\battractive (?:investment|bet|pick|stock|valuation|entry|dip)\b"),
            Pattern("reports", r"\b(?:stock|research|analyst) (?:research )?reports for\b"),
            Pattern("blog", r"\banalyst blog\b"),
            Pattern(
                "commentary letter portfolio review",
                r"\b(?:commentary|investor letter|shareholder letter|portfolio (?:review|update"
                r"|breakdown)|fund (?:review|letter|commentary))\b",
            ),
            Pattern("portfolio", r"\bportfolio q[1-4]\b"),
            Pattern("trades", r"\bfinal trades\b"),
            Pattern("tracker", r"\btrade tracker\b"),
            Pattern("trending", r"\btrending stock\b"),
            Pattern(
                "assessing dive evaluating examining look reassessing revisiting",
                r"^(?:assessing|a look at|evaluating|revisiting|reassessing|examining" r"|a deep dive)\b",
            ),
            Pattern("dive", r"\bdeep dive\b"),
            Pattern("case", r"\b(?:compelling|strong) case (?:for|to)\b"),
            Pattern("investing", r"\bcase for investing\b"),
            Pattern("reward", r"\brisk reward\b"),
            Pattern("reframe", r"\breframes?\b"),
            Pattern("debate hopes", r"\bvaluation (?:hopes|debate)\b"),
        ),
    ),
    # Analysts' ratings and targets.
    _rule(
        EventType.RATING,
        Tier.FORM,
        (
            Pattern(
                "down up", r"\b(?:up|down)grad(?:e[sd]?|ing)\b(?! (?:path|cycle|plan|its|to (?:ios|windows" r"|5g)))"
            ),
        ),
    ),
    _rule(
        EventType.RATING,
        Tier.FORM,
        (
            Pattern(
                "objective target",
                r"\b(?:price|stock|share|12-month) (?:price )?(?:targets?" r"|objectives?)\b(?<!s&p 500 price target)",
            ),
            Pattern(
                "change issue make overhaul reset revamp revisit tweak",
                r"\b(?:resets?|makes?|revamps?|revisits?|overhauls?|tweaks?|changes?"
                r"|issues?) (?:\S+ ){0,5}?(?:stock|share) (?:price|forecast|rating|target|call"
                r"|view)\b",
            ),
            Pattern(
                "analyst",
                r"\banalysts? (?:\w+ )?(?:increase|cut|raise|lower|boost|slash|trim|lift"
                r"|hike)s? (?:their )?(?:forecasts?|estimates?|targets?)\b",
            ),
            Pattern("analyst", r"\banalysts? (?:\w+ )?(?:recommend|rating|forecasts?|calls?|picks?|rate|update)\b"),
            Pattern("pt tp", r"\b(?:pt|tp) (?:on|of|to|at|raised|cut|lowered|reduced|increased|hiked|trimmed)\b"),
            Pattern("pt tp", r"\b(?:raises?|cuts?|lowers?|lifts?|trims?|hikes?|reduces?|boosts?) (?:pt|tp)\b"),
            Pattern(
                "cut hiked lifted lowered raised reduced trimmed",
                r"\btargets? (?:price )?(?:raised|cut|lowered|hiked|trimmed|reduced|lifted) (?:to" r"|from|at|by)\b",
            ),
        ),
    ),
    _rule(
        EventType.RATING,
        Tier.FORM,
        (
            Pattern(
                "affirm assign assum cut giv initiat keep lower maintain rais reaffirm receiv reiterat"
                " resum retain start",
                r"\b(?:reiterat|maintain|keep|retain|reaffirm|affirm|initiat|start|resum|assum|cut"
                rf"|rais|lower|assign|giv|receiv)\w* (?:\w+ ){{0,4}}?(?:an? |its |their |at |to "
                rf"|coverage |with ){{0,4}}{_GRADE}(?: rating| on| at|$| stance|,)",
            ),
            Pattern("coverage", r"\b(?:initiat|start|resum|assum|launch|begin)\w* (?:\w+ ){0,3}?coverage\b"),
            Pattern("initiated resumed started", r"\bcoverage (?:of|on) .*\b(?:initiated|resumed|started)\b"),
            Pattern("reiterated", r"\breiterated as\b"),
            Pattern("initiat", rf"\binitiat\w* (?:\S+ ){{0,4}}?(?:at|with) (?:an? )?{_GRADE}\b"),
            Pattern("rating", rf"\b{_GRADE} rating\b"),
            Pattern("rated", rf"\brated {_GRADE}\b"),
            Pattern("xname", rf"\b(?:rates|reiterates|maintains) xname .*\b{_GRADE}\b"),
            Pattern("call rating recommendation", rf"\b(?:its|a|an|from|to) {_GRADE} (?:rating|recommendation|call)\b"),
        ),
    ),
    _rule(
        EventType.RATING,
        Tier.FORM,
        (
            Pattern("list", r"\b(?:conviction|focus|best ideas?|catalyst watch|tactical) list\b"),
            Pattern("catalyst", r"\bcatalyst watch\b"),
            Pattern("pick", r"\btop picks? (?:at|by|for|of|from|status|list)\b"),
            Pattern("pick", r"\b(?:as|named|names|a|is|remains|new|its|joins) (?:a )?top pick\b"),
        ),
    ),
    _rule(
        EventType.RATING,
        Tier.FORM,
        (
            Pattern(
                "best crisil dbrs fitch icra moody ratings s&p",
                r"\b(?:moody's|fitch|dbrs|s&p(?: global)?(?: ratings)?|am best|crisil|icra"
                r"|care ratings)\b.*\b(?:ratings?|rates?|outlook|upgrad\w+|downgrad\w+|affirm\w*"
                r"|junk|investment[- ]grade|watch|assigns?)\b",
            ),
            Pattern("rating", r"\bcredit rating"),
            Pattern("credit", r"\bcredit outlook"),
            Pattern("rating", r"\brating outlook\b"),
            Pattern("outlook", r"\boutlook (?:to|at|revised to|cut to|is|remains) (?:negative|positive|stable)\b"),
            Pattern("rating status territory", r"\b(?:junk|investment[- ]grade) (?:status|rating|territory)\b"),
        ),
    ),
    _rule(
        EventType.RATING,
        Tier.FORM,
        (
            Pattern(
                "target",
                rf"\b{_BROKER} (?:raises?|cuts?|lowers?|lifts?|trims?|hikes?|boosts?) (?:(?!s&p|oil"
                rf"|gold|forecast)\S+ ){{0,4}}?targets?\b",
            ),
            Pattern(
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
        Tier.FORM,
        (
            Pattern(
                "call highlights preview recap review snapshot summary takeaways transcript triple update",
                r"\bearnings (?:call|preview|transcript|summary|highlights|snapshot|recap|review"
                r"|takeaways|update|triple)\b",
            ),
            Pattern("preview", r"\(preview\)"),
            Pattern("earnings", r"\bearnings:? \(?preview"),
            Pattern(
                "call presentation preview recap review snapshot transcript",
                rf"\b{_PERIOD} (?:20\d\d )?(?:earnings |results )?(?:preview|review|recap"
                r"|transcript|call|presentation|snapshot)\b",
            ),
            Pattern("report", r"\bearnings report:"),
        ),
    ),
    # Trading in the share and its options; the state of its chart.
    _rule(
        EventType.PRICE,
        Tier.FORM,
        (
            Pattern(
                "as while",
                r"\b(?:while|as) (?:the )?(?:broader |stock |overall )?(?:market|stocks|dow"
                rf"|s&p 500|nasdaq)s? (?:{_MOVES})",
            ),
            Pattern(
                "index market",
                rf"\b(?:{_MOVES}|beats?|lags?|trails?|tops?)(?: \w+){{0,3}} (?:the )?(?:broader "
                r"|stock |overall )+(?:market|indexe?s?)\b",
            ),
            Pattern(
                "than",
                r"\b(?:more|less|steeper|slower|faster) than (?:the )?(?:broader |stock " r"|overall )*(?:market)\b",
            ),
            Pattern("out under", r"\b(?:out|under)performs? (?:\w+ )?(?:competitors|peers|rivals|market)\b"),
            Pattern("beat", r"\bbeats? stock market\b"),
            Pattern("out under", r"\bstock (?:\w+ ){0,2}(?:out|under)performs\b"),
        ),
    ),
    _rule(
        EventType.PRICE,
        Tier.FORM,
        (
            Pattern("whale", r"\bwhales?\b"),
            Pattern("unusual", r"\bunusual (?:options?|call|put|activity|volume)\b"),
            Pattern("option", r"\b(?:put|call)s? options?\b"),
            Pattern(
                "option", r"\boptions? (?:activity|trading|volume|flow|traders?|market|bets?|alert|expire" r"|frenzy)\b"
            ),
            Pattern("most", r"\bmost[- ]active\b"),
            Pattern("traded", r"\bmost traded\b"),
            Pattern("gainers losers movers shakers", r"\b(?:gainers|losers|movers|shakers)\b"),
            Pattern("biggest", r"\bbiggest (?:stock )?move\w*"),
            Pattern("making move moving that", r"\bstocks? (?:that are |on the move|making|moving)\b"),
            Pattern("moving", r"\bmoving stocks\b"),
            Pattern("interest", r"\bshort interest\b"),
            Pattern("move", r"\bstocks? on the move\b"),
            Pattern("unusual", r"\bunusual(?:ly)? (?:high|large|heavy)\b"),
            Pattern("moving", r"\bmoving in today's session\b"),
            Pattern("mover session", r"\b(?:pre-?market|after-?hours|midday) (?:session|movers?)\b"),
        ),
    ),
    _rule(
        EventType.PRICE,
        Tier.FORM,
        (
            Pattern("death golden", r"\b(?:golden|death) cross\b"),
            Pattern(
                "average",
                r"\b(?:\d+|moving)[- ](?:day|week|month)? ?(?:simple " r"|exponential )?(?:moving )?averages?\b",
            ),
            Pattern("line", r"\b(?:day|week) line\b"),
            Pattern(
                "technical",
                r"\btechnical (?:\w+ )?(?:setup|breakout|analysis|levels?|picture|indicator|rating"
                r"|score|outlook)\b",
            ),
            Pattern("breakout", r"\bbreakout\b"),
            Pattern(
                "area point range signal trigger zone", r"\b(?:buy|entry) (?:zone|point|range|area|signal|trigger)s?\b"
            ),
            Pattern("area", r"\bin buy areas?\b"),
            Pattern("entry", r"\bclears? (?:an? )?(?:\w+ )?entry\b"),
            Pattern("key", r"\bkey (?:support|resistance|level)\b"),
            Pattern("resistance support", r"\b(?:support|resistance) (?:level|line|zone)s?\b"),
            Pattern("rsi", r"\brsi\b"),
            Pattern("relative", r"\brelative strength\b"),
            Pattern("overbought oversold", r"\b(?:over(?:bought|sold))\b"),
            Pattern("chart", r"\bchart (?:of the day|pattern)"),
            Pattern("cup flat", r"\b(?:cup|flat)[- ](?:with[- ]handle|base)\b"),
            Pattern("downtrend", r"\bchannel\b.*\bdowntrend"),
            Pattern("showing", r"\btrends? (?:higher|lower): showing"),
            Pattern("reminder", r"\bex-dividend reminder\b"),
        ),
    ),
    # Opinion: picks, lists, promotions, comparisons, predictions.
    _rule(
        EventType.OPINION,
        Tier.FORM,
        (
            Pattern("buy hold sell", r"\b(?:buy|sell|hold)(?:,| or| and)+ (?:buy|sell|hold|wait|avoid|forget|run)\b"),
            Pattern(
                "before dip fist now right today weakness",
                r"\b(?:buy|buying|sell|selling|own|owning|add|load(?:ing)? up)(?: \S+){0,3} (?:now"
                r"|today|right now|hand over fist|the dip|on weakness|before it)\b",
            ),
            Pattern(
                "buy hold sell",
                r"\b(?:a|an|the|is|still|screaming|strong|better|best|great|generational|top|clear"
                r"|compelling|easy|no-brainer|solid) (?:long-term |strong |screaming )?(?:buy|sell"
                r"|hold)\b(?! (?:rating|at|by|the|its|into|stake|call|a|for \$|back))",
            ),
            Pattern("dip", r"\bdip[- ]buying\b"),
            Pattern(
                "dip drop pullback weakness",
                r"\b(?:buy|buying) (?:the|on|this|these|any) (?:dip|dips|weakness|pullback|drop)\b",
            ),
            Pattern("dip", r"\bdip (?:worth|a)\b"),
            Pattern(
                "case chance how late opportunity ready reason smart time want when where why wise worth",
                r"\b(?:time|late|wise|worth|reasons?|smart|want|ready|opportunity|chance|case|how"
                r"|when|where|why) to (?:buy|sell|own|invest|hold|short)\b",
            ),
            Pattern("worth", r"\bworth (?:buying|the (?:risk|price|hype)|a look|owning|holding|considering" r"|it\b)"),
            Pattern("forever hold", r"\b(?:buy|hold|own|sell) and (?:hold|forever)\b"),
            Pattern("buy hold own", r"\bto (?:buy|hold|own) (?:for(?:ever)?|in 20\d\d|before|ahead|after|on)\b"),
            Pattern("buy", r"\bbuy (?:and never|these|this|it|some|more) "),
        ),
    ),
    _rule(
        EventType.OPINION,
        Tier.FORM,
        (
            Pattern(
                "avoid beat buy consider double get hold invest know like love make never own pick"
                " portfolio retire sell take watch",
                r"\b(?:stocks?|etfs?|picks?|reits?|names|plays|funds|shares|companies"
                r"|investments?)(?: \w+){0,2} (?:to|for your|i'd|i'm|we|that could|that can"
                r"|that may|worth|you)(?: \w+){0,2} (?:buy|sell|watch|own|hold|avoid|consider"
                r"|invest|like|love|double|beat|know|portfolio|make|get|never|take|retire|pick)",
            ),
            Pattern(
                "ai chip dividend etfs funds growth pick plays reits stocks tech value",
                r"\b(?:\d+|two|three|four|five|six|seven|eight|nine|ten|my|these|this|a|one"
                r"|another|our|best|top|cheap|favorite|magnificent|hot|unstoppable|safe"
                r"|undervalued|overlooked)(?: (?!stock\b)[\w&'/()\"-]+){0,5} (?:stocks|etfs|picks"
                r"|reits|plays|funds|growth stock|ai stock|dividend stock|tech stock|value stock"
                r"|chip stock|stock picks?)\b",
            ),
            Pattern(
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
        Tier.FORM,
        (
            Pattern("prediction", r"\bpredictions?\b(?! markets?\b)"),
            Pattern("forget", r"^forget\b"),
            Pattern("motley", r"\bmotley fool\b"),
            Pattern("vs", r"\bvs\.? (?!\$|\d|est|exp|cons|-)(?=\w|xname)"),
            Pattern("versus", r"\bversus (?!\$|\d|est)"),
            Pattern("millionaire", r"\bmillionaires?\b"),
            Pattern("passive", r"\bpassive income\b"),
            Pattern("if", r"\bif you(?:'d| had|'re)?\b"),
            Pattern("invest", r"\b(?:invested|invest|investing|investment of) \$"),
            Pattern("invested investment", r"\$[\d,]+ (?:invested|investment)\b"),
            Pattern("reason", r"\b(?:\d+|one|two|three|another|biggest|billion|top|key|good) (?:\w+ )?reasons?\b"),
            Pattern("reason", r"\breasons? (?:to|why|i|xname|you|for optimism)\b"),
        ),
    ),
    _rule(
        EventType.OPINION,
        Tier.FORM,
        (
            Pattern("i", r"\bi(?:'m|'d|'ve|'ll)\b"),
            Pattern("i", r"\b(?:why|what|how|that|and|but|because|stocks|where) i (?!-)"),
            Pattern("i", r"^i (?!-)"),
            Pattern("i", r":\s?i \w"),
            Pattern("my", r"\bmy (?:top|favou?rite|portfolio|best|biggest|money|largest|\$)"),
        ),
    ),
    # Awards and events.
    _rule(
        EventType.OTHER,
        Tier.FORM,
        (
            Pattern("award", r"\bof the year award\b"),
            Pattern("employer partner supplier", r"\b(?:partner|supplier|employer) of the year\b"),
            Pattern("grant", r"\bawards? (?:\$[\d,]+ )?grants?\b"),
        ),
    ),
    # Comment of single investors and market commentators.
    _rule(
        EventType.OPINION,
        Tier.FORM,
        (
            Pattern(
                "cathie",
                r"\bcathie wood(?:'s)? (?:ark )?(?:sees|says|thinks|predicts|expects|believes" r"|warns|calls)\b",
            ),
            Pattern(
                "accumulate avoid bt buy exit hold sell stbt", r"^(?:buy|sell|accumulate|hold|exit|avoid|bt/st|stbt) "
            ),
            Pattern("hot ideas pick", r"\b(?:stocks? pick|top picks|hot stocks|stock ideas|trading ideas)\b"),
        ),
    ),
    # The market, a sector, the economy.
    _rule(
        EventType.MACRO,
        Tier.FORM,
        (
            Pattern(
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
            Pattern(
                "500 jones market nasdaq today",
                r"^(?:stock market today|dow jones|s&p 500|nasdaq|the stock market)[^:]*: (?:the "
                r"|us |u\.s\. )?(?:dow|s&p|nasdaq|stocks|markets?|indexes|tech|futures|mixed"
                r"|chip stocks|wall street|oil|bonds)\b",
            ),
            Pattern(
                "500 dow equities ftse futures indexes market nasdaq nifty russell s&p sensex stocks us wall",
                r"\b(?:dow(?: jones)?|s&p 500|s&p|nasdaq(?: 100| composite)?|russell 2000"
                r"|wall street|stock market|equities|stock indexes|us stocks|u\.s\. stocks|sensex"
                r"|nifty|ftse(?: 100)?|futures)(?:,? (?:and |& )?(?:the )?(?:dow|s&p 500|s&p"
                rf"|nasdaq|sensex|nifty))* (?:\w+ ){{0,2}}?(?:{_MOVES}|mixed|hits?|ends?|opens?"
                r"|closes?|lower|higher|up|down|at|sets?|notch\w*|near|little changed|flat)\b",
            ),
            Pattern(
                "big corporate mag megacap", r"\b(?:mag(?:nificent)? (?:7|seven)|big tech|corporate|megacap) earnings\b"
            ),
            Pattern("jobless nonfarm openings", r"\b(?:job openings|jobless claims|nonfarm payrolls)\b"),
            Pattern("squawk", r"\bmorning squawk\b"),
            Pattern("indexes", r"\b(?:stock|us|major) indexes\b"),
            Pattern(
                "analysis databook forecast report worth",
                r"\bmarket (?:research |analysis |size |share |outlook )(?:report|analysis"
                r"|forecast|worth|databook)\b",
            ),
            Pattern("databook", r"\bdatabook\b"),
            Pattern("business", r"\bbusiness report 20\d\d\b"),
            Pattern("exceed grow hit reach surpass", r"\bmarket to (?:surpass|reach|hit|exceed|grow)\b"),
            Pattern("cagr", r"\bcagr\b"),
            Pattern("competitive", r"\bcompetitive (?:landscape|analysis)\b"),
            Pattern("report size", r"\bmarket (?:report|size) 20\d\d"),
            Pattern("inflow outflow", r"\b(?:inflows?|outflows?)\b"),
            Pattern("dive flee pile pour pull yank", r"\binvestors (?:pull|pour|yank|flee|pile|dive)\b"),
            Pattern(
                "forecast outlook target",
                r"\b(?:oil|crude|brent|gold|silver|copper|inflation|gdp|s&p 500|rate|economic"
                r"|commodity)(?: price)? (?:forecasts?|targets?|outlook)\b",
            ),
            Pattern("roundup", r"\broundup$"),
            Pattern("pre", r"\b(?:pre-bell|premarket:)"),
            Pattern("futures", r"\b(?:equity|stock index|dow|nasdaq|s&p) futures\b"),
        ),
    ),
    # Trades of funds and insiders in the share.
    _rule(
        EventType.CAPITAL,
        Tier.FORM,
        (
            Pattern(
                "holdings position shareholdings",
                r"\b(?:increas|decreas|rais|lower|trim|cut|boost|reduc|grow|lift|lessen|has|take"
                r"|tak|acquir|purchas|buy|sell|sold|bought|initiat|open|exit|clos|liquidat"
                r"|establish|add|hold|own|mak)\w* (?:\S+ ){0,3}?(?:stock |stake |equity |new "
                r"|share )?(?:position|positions|holdings|shareholdings)\b",
            ),
            Pattern(
                "acquire bought buy dump has invests offload purchase scoop sell snap sold unload",
                r"\b(?:acquires?|buys?|bought|sells?|sold|purchases?|purchased|invests|has|dumps?"
                r"|unloads?|offloads?|snaps? up|scoops? up) (?:\S+ ){0,2}?\$?[\d,.]+[mkb]?(?:"
                r" (?:million|billion))? (?:new |worth of |in )?(?:shares|of xname|stock|worth"
                r"|holdings)\b",
            ),
            Pattern("acquired bought purchased sold", r"\b(?:shares|stock) (?:bought|sold|acquired|purchased) by\b"),
            Pattern(
                "ark cathie",
                r"\b(?:cathie wood|ark invest|ark)\b.*\b(?:buys?|sells?|dumps?|adds?|buying"
                r"|selling|sold|bought|scoops?|loads?|unloads?|trims?|purchases?|doubles? down"
                r"|offloads?|snaps?|sits out)\b",
            ),
            Pattern(
                "ackman berkshire buffett burry director hedge insider pelosi",
                r"\b(?:buffett|berkshire|pelosi|burry|ackman|insiders?|director"
                r"|hedge funds?)\b.*\b(?:buys?|sells?|sold|bought|dumps?|adds?|trims?|exits?|stake"
                r"|purchases?)\b(?!.*\bcompany\b)",
            ),
            Pattern("13", r"\b13[fg]\b"),
            Pattern("stake", r"\$[\d.]+ ?(?:million|m|mln) (?:\S+ ){0,4}?stake\b"),
            Pattern("reduce", r"\breduces? stake in\b"),
            Pattern(
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
        Tier.FORM,
        (
            Pattern(
                "can could will",
                r"^(?:will|can|could) .*\b(?:beats?|beating|miss|top|surpass"
                r"|report)\b.*\b(?:estimates|earnings|expectations|q[1-4])\b",
            ),
        ),
    ),
    # A title that is one question; not one about a move.
    _rule(
        EventType.OPINION,
        Tier.FORM,
        (
            Pattern(
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
        Tier.FACT,
        (
            Pattern(
                "bookings bottom comps deliveries earnings ebitd eps flow income line loss margin net nii"
                " operating pat profit result revenue sales same shipments subscriber turnover",
                rf"\b{_PERIOD}(?: (?:20\d\d|fy\d\d|adj\.?|adjusted|gaap|non-gaap|financial|fiscal"
                r"|net|core|total|us|global|cy20\d\d|operating|first|strong|weak|solid|record"
                rf"|mixed|better|worse)){{0,4}} {_FIGURE}\b(?! (?:guidance|outlook|forecast|view\b"
                r"|warning))",
            ),
            Pattern(
                "bookings bottom comps deliveries earnings ebitd eps flow income line loss margin net nii"
                " operating pat profit result revenue sales same shipments subscriber turnover",
                rf"\b{_FIGURE} (?:\S+ )?(?:in|for|during|of) (?:the )?{_PERIOD}\b",
            ),
        ),
    ),
    _rule(
        EventType.RESULTS,
        Tier.FACT,
        (
            Pattern(
                "consensus estimate expectation forecasts predictions projections target view",
                r"\b(?:beat(?:s|ing)?|top(?:s|ped|ping)?|miss(?:es|ed|ing)?|exceed(?:s|ed|ing)?"
                r"|surpass(?:es|ed|ing)?|lag(?:s|ged)?|crush(?:es|ed)?|smash(?:es|ed)?|trounces?"
                r"|trails?|meets?|match(?:es)?|obliterates?|tops|falls? short of|ahead of|above"
                r"|below|in line with|edges?(?: past)?) (?:\S+ ){0,5}?(?:estimates?|views?"
                r"|expectations?|consensus|forecasts|predictions|projections|targets? for)\b",
            ),
            Pattern("beat miss", r"\bearnings (?:beat|miss)\b"),
            Pattern(
                "beat misses", r"\b(?:beats?|misses) on (?:earnings|revenue|sales|profit|both|top|bottom" r"|q[1-4])\b"
            ),
            Pattern("beat misses", r"\b(?:earnings|revenue|profit|sales) (?:beats?|misses)\b"),
            Pattern("beat miss", r"\bq[1-4] (?:beats?|miss(?:es)?)\b"),
            Pattern("beat", r"\bbeat-and-raise\b"),
            Pattern("earnings", r"\bearnings:"),
            Pattern("takeaways", r"\btakeaways from (?:\S+ ){1,4}earnings\b"),
            Pattern("less", r"\blos(?:es|t) less\b"),
            Pattern("performance", r"\bquarterly (?:\w+ )?performance\b"),
            Pattern("bigger narrower smaller wider", r"\b(?:smaller|narrower|wider|bigger) (?:\S+ )?loss\b"),
        ),
    ),
    _rule(
        EventType.RESULTS,
        Tier.FACT,
        (
            Pattern(
                "bookings bottom comps deliveries earnings ebitd eps flow income line loss margin net nii"
                " operating pat profit result revenue sales same shipments subscriber turnover",
                rf"\b{_FIGURE} (?:\w+ ){{0,2}}?(?:{_MOVES}|doubles?|doubled|triples?|tripled|grow"
                r"|grows|grew|up|down|beats?|beat|miss(?:es)?|tops?|narrows?|widens?|increas\w+"
                r"|decreas\w+|shrinks?|shrank|flat|halves?|hits?|reach(?:es)?|totals?|totaled"
                r"|nearly|more than|almost|at (?:rs|\$))\b(?! (?:target|guidance))",
            ),
            Pattern(
                "return swing swung turn",
                r"\b(?:swings?|swung|returns?|turns?) to (?:\w+ )?(?:an? )?(?:\w+ )?(?:profit|loss" r"|black|red)\b",
            ),
            Pattern(
                "announce book clock deliver generate log notches post record register report unveil",
                r"\b(?:posts?|reports?|delivers?|books?|logs?|records?|announces?|registers?"
                r"|clocks?|unveils?|notches|generates?) (?:\S+ ){0,5}?(?:profit|loss|revenue|sales"
                r"|earnings|results|net income|growth|deliveries|quarter)\b",
            ),
            Pattern(
                "blowout disappointing falling higher lower plunging record rising robust slower soft"
                " solid strong surging upbeat weak",
                r"\b(?:record|higher|lower|strong|weak|solid|robust|slower|blowout|disappointing"
                r"|plunging|surging|rising|falling|soft|upbeat) (?:\w+ )?(?:profits?|earnings"
                r"|revenues?|quarter|results|sales(?! (?:force|team))|deliveries)\b",
            ),
            Pattern(
                "earnings profit revenue sales",
                r"\b(?:profit|revenue|sales|earnings) (?:growth|rise|fall|drop|jump|surge|decline"
                r"|slump|gain|beat|miss)\b",
            ),
        ),
    ),
    _rule(
        EventType.RESULTS,
        Tier.FACT,
        (
            Pattern(
                "delivered delivers produced register shipped sold",
                r"\b(?:deliver(?:s|ed)|shipped|sold|produced"
                r"|registers?) (?:\S+ ){0,2}?[\d,.]+k? (?:\w+ ){0,2}?(?:vehicles|cars|jets"
                r"|aircraft|planes|units|iphones|phones|airplanes|evs|motorcycles)\b",
            ),
            Pattern(
                "deliveries figures registrations sales shipments",
                r"\b(?:vehicle|car|jet|aircraft|monthly|quarterly|china|retail|airplane|ev|auto"
                r"|unit) (?:sales|deliveries|shipments|registrations|production figures)\b",
            ),
            Pattern("customers subscribers users", r"\badd(?:s|ed)? (?:\S+ ){0,4}(?:subscribers|customers|users)\b"),
            Pattern(
                "customer passenger subscriber traffic user",
                r"\b(?:subscriber|user|passenger|traffic|customer) (?:growth|count|numbers?"
                r"|additions|losses|gains|traffic)\b",
            ),
            Pattern("sales", r"\b(?:comparable|same[- ]store|like-for-like) sales\b"),
            Pattern("monthly", r"\bmonthly (?:traffic|operating data|sales)\b"),
            Pattern("sales", r"\bsales of .*\b(?:rise|rose|fall|fell|jump|drop|up|down)\b"),
        ),
    ),
    # Guidance.
    _rule(
        EventType.GUIDANCE,
        Tier.FACT,
        (
            Pattern("guidance", r"\bguidance\b"),
            Pattern("guide", r"\bguid(?:es|ed)\b"),
            Pattern(
                "forecast guide outlook target warning",
                r"\b(?:profit|sales|revenue|earnings) (?:warning|outlook|forecast|target" r"|guide)s?\b",
            ),
            Pattern(
                "estimate forecast goal guide outlook target view",
                r"\b(?:rais|lift|hik|boost|cut|lower|slash|trim|reaffirm|reiterat|maintain|confirm"
                r"|back|affirm|withdraw|pull|scrap|narrow|keep|up|upp|suspend|tighten|increas"
                r"|reduc|bump|ditch|abandon|halv|stick)\w* (?:(?!capex"
                r"|capital)\S+ ){0,6}?(?:outlook|forecasts?|guide|targets? for (?:20\d\d|fy"
                r"|the year)|(?:growth|sales|revenue|profit|earnings|margin|production|delivery"
                r"|annual|full-year|20\d\d|cost|savings) (?:targets?|view|goals?"
                r"|estimates?))\b(?! for (?:oil|gold|brent|the economy))",
            ),
            Pattern(
                "outlook",
                r"\boutlook (?:disappoints|tops|beats|misses|falls short|cut|raised|lowered" r"|for (?:q|20|fy))",
            ),
            Pattern(
                "forecast guide outlook",
                r"\b(?:weak|strong|soft|upbeat|downbeat|gloomy|cautious|disappointing|bleak|rosy"
                r"|higher|lower) (?:\w+ )?(?:outlook|forecast|guide)\b",
            ),
            Pattern(
                "expects",
                r"\bexpects (?:\S+ ){0,6}?to (?:continue to )?(?:impact|hit|hurt|boost|weigh"
                r"|affect|reach|exceed)\b",
            ),
            Pattern(
                "warn",
                r"\bwarns? (?:of|on|that|about) (?:\S+ ){0,4}?(?:sales|revenues?|profits?|margins?"
                r"|earnings|demand|costs?|shortages?|slowdown|hit|losses|charge)\b",
            ),
        ),
    ),
    _rule(
        EventType.GUIDANCE,
        Tier.FACT,
        (
            Pattern(
                "xname",
                r"^xname,? (?:\w+ )?(?:sees?|expects?|forecasts?|projects?|targets?|aims for"
                rf"|anticipates?|predicts?|estimates?)(?: \S+){{0,4}} (?:{_PERIOD}|{_FIGURE}|growth"
                r"|demand|costs?|capex|hit|charges?|savings|capacity|\$[\d.]+)\b",
            ),
            Pattern(
                "anticipates expects forecasts guides projects sees targets",
                r"\b(?:sees|expects|forecasts|projects|guides for|targets" rf"|anticipates) (?:\S+ )?{_PERIOD}\b",
            ),
            Pattern(
                "anticipates expects forecasts guides projects sees",
                r"\b(?:sees|expects|forecasts|projects|guides" rf"|anticipates) (?:\S+ ){{0,3}}?{_FIGURE}\b",
            ),
            Pattern(
                "production profit revenue sales",
                r"\bto (?:hit|reach|top|meet|exceed) (?:\S+ ){0,3}?(?:sales|revenue|profit"
                r"|production) (?:target|goal)?s?\b(?= by)",
            ),
        ),
    ),
    # Mergers and acquisitions.
    _rule(
        EventType.MNA,
        Tier.FACT,
        (
            Pattern("acquir", r"\bacquir(?:e|es|ed|ing)\b(?! (?:rights|customers|land|a license|licence))"),
            Pattern("acquisition", r"\bacquisitions?\b"),
            Pattern("takeover", r"\btakeovers?\b"),
            Pattern("buy", r"\bbuy-?outs?\b"),
            Pattern("merg", r"\bmerg(?:e|es|ed|er|ers|ing)\b"),
            Pattern("spin spun", r"\b(?:spin|spins|spun|spinning)[- ]?(?:off|out)\b"),
            Pattern("spinoff", r"\bspinoffs?\b"),
            Pattern("divest", r"\bdivest(?:s|ed|ing|iture|itures)?\b"),
            Pattern("carve", r"\bcarve-?outs?\b"),
            Pattern("demerger", r"\bdemergers?\b"),
            Pattern("joint", r"\bjoint ventures?\b"),
            Pattern("jv", r"\bjv\b"),
            Pattern("tender", r"\btender offer for\b"),
            Pattern("hostile unsolicited", r"\b(?:unsolicited|hostile) (?:bid|offer|approach|takeover)\b"),
            Pattern("m&a", r"\bm&a\b(?! (?:advis|deals|wave|league))"),
            Pattern("fee", r"\bbreak-?up fee\b"),
            Pattern(
                "invest pour",
                r"\b(?:to invest|invests?|invested|investing|pours?) (?:up to |another |about "
                r"|an? additional )?\$[\d.]+ ?(?:billion|million|bn|b|m|mln|bln)? in (?!ai|the|its"
                r"|new|us|u\.s|data|cloud|texas|india|infrastructure|indiana)\w+",
            ),
            Pattern(
                "deal",
                r"\$[\d.]+ ?(?:billion|bln|bn|b|million|m) (?!cloud|ai|chip|power|supply|computing"
                r"|compute|contract|licensing|content|equity)(?:\w+ )?(?!cloud|ai|chip|power"
                r"|supply|computing|compute|licensing|content)\w+ deal\b(?! with)",
            ),
            Pattern("private", r"\btak(?:e|es|ing) (?:\S+ ){0,3}private\b"),
            Pattern("private", r"\bgo(?:es|ing)? private\b"),
        ),
    ),
    _rule(
        EventType.MNA,
        Tier.FACT,
        (
            Pattern(
                "stake",
                r"\b(?:buys?|buying|sells?|sell|sold|selling|takes?|took|acquires?|raises?|cuts?"
                r"|trims?|boosts?|ups?|exits?|offloads?|increases?|eyes|majority|minority"
                r"|controlling|remaining|\d+(?:\.\d+)?%|percent|pct|billion"
                r"|million) (?:\S+ ){0,4}?stakes?\b",
            ),
            Pattern("stake", r"\bstakes? (?:in|sale|to)\b"),
        ),
    ),
    _rule(
        EventType.MNA,
        Tier.FACT,
        (
            Pattern(
                "buy purchase",
                r"\b(?:to|agrees to|in talks to|near deal to|nears deal to|plans to|offers to"
                r"|could|may|will) (?:buy|purchase) (?!.*\b(?:jets?|aircraft|787s?|737s?|777x?s?"
                r"|f-35s?|planes?|dreamliners?)\b)(?!back|the dip|shares|stock|more|up to|only|one"
                r"|this|these|it|if|or|and|in|now|before|two|three|four|five|six|seven|eight|nine"
                r"|ten|dozens|\d|[\w-]*(?: \w+)? ?(?:jets|aircraft|planes|airplanes|chips|power"
                r"|oil|bonds|gas|dreamliner|electricity|energy|credits|bitcoin))(?:[\wxname])",
            ),
            Pattern(
                "bought buys",
                r"\b(?:buys|bought) (?!the dip|back|into|shares|stock|more|up|\d|time"
                r"|\$)(?:\w+ ){0,3}?(?:maker|startup|start-up|firm|company|business|unit|developer"
                r"|biotech|provider|rival|group|inc|operator|chain)\b",
            ),
            Pattern(
                "bid offer",
                r"\b(?:takeover|buyout|acquisition|merger|rival|sweetened|final|binding"
                r"|\$[\d.]+ ?(?:billion|bln|bn|b|million|mln|m)?) (?:bid|offer)s? (?:for|from"
                r"|to)\b",
            ),
            Pattern("xname", r"\bbid for xname"),
            Pattern(
                "arm assets brand business division operations portfolio refinery segment subsidiaries subsidiary unit",
                r"\b(?:sell|sells|selling|sold|sale of|offload|offloads|shed|exit"
                r"|exits) (?:\S+ ){0,5}?(?:unit|units|business|businesses|division|operations"
                r"|subsidiary|arm|brand|brands|assets|refinery|portfolio|segment|subsidiaries)\b",
            ),
            Pattern("swap", r"\basset swap\b"),
            Pattern("sale", r"\b(?:unit|business|division|arm) sale\b"),
            Pattern("deal", r"\bdeal to (?:buy|acquire|sell|merge)\b"),
            Pattern("sale", r"\b(?:up for|explor\w+ (?:a |the )?|weighs?|considers?|considering" r"|weighing) sale\b"),
            Pattern("strategic", r"\bstrategic (?:alternatives|review)\b"),
        ),
    ),
    # Law and regulation.
    _rule(
        EventType.LEGAL,
        Tier.FACT,
        (
            Pattern(
                "order",
                r"\borders? (?:xname|(?:\w+ ){1,3}?)(?: inc| platforms)? ?to (?:stop|curb|pay|halt"
                r"|remove|cease|open|allow|block|refund|recall|hand|produce|sell|divest|comply)\b",
            ),
            Pattern(
                "class lawsuit litigation sue suing suit",
                r"\b(?:sues?|sued|suing|lawsuits?|suits?|litigation|class[- ]action)\b",
            ),
            Pattern(
                "court",
                r"\b(?:supreme |appeals |federal |district |high |top |eu |us "
                r"|u\.s\. )?courts?\b(?! (?:side|customers|investors))",
            ),
            Pattern("judge", r"\bjudges?\b"),
            Pattern("jury", r"\bjury\b"),
            Pattern("verdict", r"\bverdict\b"),
            Pattern("trial", r"\b(?:antitrust|fraud|patent|civil|criminal|jury|court|monopoly) trial\b"),
            Pattern("injunction", r"\binjunction\b"),
            Pattern("plead", r"\bpleads? (?:not )?guilty\b"),
            Pattern("guilty", r"\bguilty\b"),
            Pattern("indict", r"\bindict\w*"),
            Pattern("tribunal", r"\btribunal\b"),
            Pattern(
                "asked ordered told urged",
                r"\b(?:urged|ordered|asked|told) by (?:the )?(?:\w+ )?(?:regulators?|government"
                r"|philippines|eu|court|congress|senate|india|china|uk|australia|japan|germany"
                r"|france|italy)\b",
            ),
            Pattern("commission", r"\b(?:federal communications commission|federal trade commission)\b"),
            Pattern(
                "congressional parliament senate",
                r"\b(?:senate|congressional|parliament\w*) (?:report|panel|hearing|committee" r"|inquiry)\b",
            ),
            Pattern("stress", r"\bstress tests?\b"),
            Pattern(
                "settled settles settling",
                r"\b(?:settles|settled|settling) (?:\S+ ){0,4}?(?:with|claims?|case|charges|suit"
                r"|lawsuit|probe|dispute|allegations|over|for)\b",
            ),
            Pattern("settle", r"\bsettle (?!at|in|above|below|near|down|up)\w+"),
            Pattern("settlement", r"\bsettlement\b"),
            Pattern("appeal", r"\bto appeal\b"),
            Pattern("appeals", r"\bappeals (?:ruling|decision|fine|verdict)\b"),
        ),
    ),
    _rule(
        EventType.LEGAL,
        Tier.FACT,
        (
            Pattern("fined", r"\bfined\b"),
            Pattern("fines", r"\bfines\b"),
            Pattern("fine", r"\b(?:million|billion|mln|bln|record|hefty|eu|antitrust|\dm|\dbn) fine\b"),
            Pattern("penalt", r"\bpenalt(?:y|ies)\b"),
            Pattern("probe probing", r"\bprob(?:e|es|ed|ing)\b(?! into space)"),
            Pattern("investigat", r"\binvestigat(?:e|es|ed|ing|ion|ions|ors)\b"),
            Pattern("antitrust", r"\bantitrust\b"),
            Pattern("anti", r"\banti-?trust\b"),
            Pattern("anti cartel monopoly", r"\b(?:anti-?competitive|monopoly|cartel)\b"),
            Pattern("regulator", r"\bregulators?\b"),
            Pattern(
                "regulatory",
                r"\bregulatory (?:risk|scrutiny|probe|action|pressure|hurdle|clearance|approval" r"|pushback)\b",
            ),
            Pattern("watchdog", r"\bwatchdog\b"),
            Pattern("subpoena", r"\bsubpoena\w*"),
            Pattern(
                "attorney brussels cfpb cftc commission doj fcc ftc justice nhtsa ofcom sec",
                r"\b(?<!with )(?<!with the )(?:ftc|doj|fcc|sec|nhtsa|cftc|cfpb|justice department"
                r"|ofcom|attorneys? general|european commission|eu commission"
                r"|brussels)\b(?! (?:filing|form|approv\w+ (?:etf|spot)))",
            ),
            Pattern(
                "accusation accuse accusing allegation allege alleging",
                r"\b(?:alleg(?:es?|ed|edly|ations?|ing)|accus(?:es?|ed|ing|ations?))\b",
            ),
            Pattern("charged", r"\bcharged with\b"),
            Pattern("ban", r"(?<!ray-)\bban(?:s|ned)? (?!k)"),
            Pattern("congress lawmaker panel senator", r"\b(?:lawmakers?|senators?|congress|house panel)\b"),
            Pattern("breach violation", r"\b(?:data|privacy) (?:breach|violations?)\b"),
            Pattern("inquiry", r"\binquiry\b"),
            Pattern("crackdown", r"\bcrackdown\b"),
            Pattern("scrutiny", r"\bscrutiny\b"),
            Pattern("complaint", r"\bcomplaints?\b"),
            Pattern("violat", r"\bviolat(?:es?|ed|ing|ions?)\b"),
            Pattern("fraud", r"\bfraud\b"),
            Pattern("whistle", r"\bwhistle-?blowers?\b"),
            Pattern("eu", r"\beu (?:fines|proposes|rules|orders|regulators|charges|search|law|act)\b"),
        ),
    ),
    _rule(
        EventType.LEGAL,
        Tier.FACT,
        (
            Pattern("patent", r"\bpatents?\b"),
            Pattern("recall", r"\brecall(?:s|ed|ing)?\b"),
            Pattern("infring", r"\binfring\w+"),
            Pattern("copyright", r"\bcopyrights?\b"),
            Pattern("trademark", r"\btrademarks?\b"),
            Pattern("generic", r"\bgenerics?\b(?= (?:version|competition|rival|entry|until|off|for now))"),
            Pattern("generics", r"\bfrom generics\b"),
            Pattern(
                "bronstein faruqi glancy hagens kessler korsinsky law offices pomerantz robbins rosen schall",
                r"\b(?:rosen|pomerantz|levi & korsinsky|hagens berman|bronstein|law firm"
                r"|law offices|faruqi|robbins geller|schall|kessler topaz|glancy)\b",
            ),
            Pattern("alert", r"\b(?:investor|shareholder|deadline) alert\b"),
            Pattern("plaintiff", r"\blead plaintiff\b"),
        ),
    ),
    # Capital.
    _rule(
        EventType.CAPITAL,
        Tier.FACT,
        (
            Pattern("buy", r"\bbuy-?backs?\b"),
            Pattern("back", r"\bbuy(?:s|ing)? back\b"),
            Pattern("repurchase", r"\b(?:share|stock) repurchases?\b"),
            Pattern("repurchas", r"\brepurchas(?:e|es|ed|ing)\b"),
            Pattern(
                "distribution dividend payout",
                r"\b(?:rais|hik|declar|increas|boost|cut|suspend|announc|pay|lift|resum|reinstat"
                r"|slash|maintain|hold|keep|approv|doubl|scrap|eliminat"
                r"|up)\w* (?:\S+ ){0,5}?(?:dividends?|payout|distribution)\b(?! (?:stock|etf|king"
                r"|growth|yield|aristocrat|investor))",
            ),
            Pattern(
                "distribution dividend payout",
                r"\b(?:quarterly|special|interim|final|annual|semiannual|first|monthly"
                r"|cash) (?:cash )?(?:dividend|distribution|payout)s?\b",
            ),
            Pattern(
                "dividend",
                r"\bdividend (?:hike|increase|cut|raise|boost|announcement|declar\w+|suspen\w+" r"|payment)\b",
            ),
            Pattern("dividend", r"\bex-dividend\b"),
            Pattern("split", r"\b(?:stock|share|\d-for-\d+|\d+:\d) split\b"),
            Pattern("split", r"\b(?:to|will|plans to) split (?:its )?(?:stock|shares)\b"),
            Pattern("splits", r"\bsplits its (?:stock|shares)\b"),
            Pattern(
                "offering",
                r"\b(?:public|share|stock|equity|secondary|debt|notes?|bond|rights|convertible" r"|common) offering\b",
            ),
            Pattern("notes", r"\bsenior (?:unsecured )?notes\b"),
            Pattern(
                "bond",
                r"\b(?:green |junk |samurai |corporate |yankee |dollar |yen "
                r"|euro )?bonds?\b(?! (?:market|yields?|traders?|king|investors?|etf))",
            ),
            Pattern("debt", r"\bdebt (?:sale|offering|deal|financing|raise|load|refinanc\w+|raising)\b"),
            Pattern("loan", r"\b(?:bridge|term|syndicated) loans?\b"),
            Pattern("credit", r"\bcredit (?:facility|line|agreement)\b"),
            Pattern("redemption", r"\bredemption\b"),
            Pattern("redeem", r"\bredeems?\b"),
            Pattern("convertible", r"\bconvertible (?:notes|bonds|senior)\b"),
            Pattern("ipo", r"\bipos?\b"),
            Pattern("goes", r"\bgoes public\b"),
            Pattern("initial", r"\binitial public offering\b"),
            Pattern(
                "borrow close land raise raising secure seek",
                r"\b(?:raises?|raised|raising|secures?|lands?|seeks?|borrows?|closes?) (?:up to "
                r"|about |over |nearly )?(?:\$|€|£|rs\.? ?)[\d.,]+ ?(?:billion|million|b|m|bn|mn"
                r"|mln|bln|cr|crore)?(?: (?:in|from|via|through|to build|for|of"
                r"|at))\b(?! (?:orders?|contracts?|revenue))",
            ),
            Pattern("funding", r"\bfunding round\b"),
            Pattern("series", r"\bseries [a-f]\b"),
            Pattern("capex", r"\bcapex\b"),
            Pattern("capital", r"\bcapital (?:expenditures?|spending|return|raise|raising|plan)\b"),
            Pattern(
                "added enter inclusion join removed replace",
                r"\b(?:joins?|added to|inclusion in|removed from|to replace|enters?"
                r"|to join) (?:the )?(?:s&p|dow|nasdaq-?100|russell|ftse|msci)\b",
            ),
            Pattern("insider", r"\binsider (?:buying|selling|sales?|sold|bought|trades?|purchases?)\b"),
            Pattern("commercial", r"\bcommercial paper\b"),
            Pattern("commitment", r"\bdeepens commitment\b"),
            Pattern(
                "commit invest pledges pour spend",
                r"\b(?:invests?|invested|investing|pours?|pledges|commits?|commit|spend"
                r"|spends) (?:up to |another |about |an? additional |over |more than |nearly "
                r"|at least )?\$[\d.]+ ?(?:billion|million|bn|b|m|mln|bln)? (?:more |into"
                r"|to (?:expand|build|boost|upgrade)|in (?:its|new|us|u\.s|texas|indiana|india"
                r"|data|infrastructure|ai|manufacturing))\b",
            ),
            Pattern("additional", r"\badditional \$[\d.]+ ?(?:bn|billion|million|mln)\b"),
            Pattern("medium", r"\bmedium-term notes\b"),
            Pattern("notes", r"\bnotes (?:due|linked)\b"),
            Pattern("return", r"\bcapital returns?\b"),
        ),
    ),
    # People.
    _rule(
        EventType.PEOPLE,
        Tier.FACT,
        (
            Pattern("appoint", r"\bappoint(?:s|ed|ment|ments|ing)?\b"),
            Pattern(
                "elect hire name naming pick poach promote recruit tap",
                r"\b(?:names?|named|naming|taps?|tapped|hires?|hired|promot(?:es?|ed)|elects?"
                r"|elected|poach(?:es|ed)?|picks?|recruits?) (?:\S+ ){0,6}?(?:ceo|cfo|coo|cto|cio"
                r"|cmo|chief|chair\w*|president|vice president|vp|head|director|directors"
                r"|executive|leader|officer|general counsel|treasurer|boss|veteran|exec"
                r"|advisors?)\b",
            ),
            Pattern(
                "ceo cfo chair chief coo cto president",
                r"\b(?:new|next|incoming|outgoing|interim|former|ex-?|first"
                r"|future) (?:\w+ )?(?:ceo|cfo|coo|cto|chief executive|chief \w+ officer|chairman"
                r"|chairwoman|chair|president)\b",
            ),
            Pattern(
                "depart fired leave ousted ouster quit resign retire retiring step",
                r"\b(?:step(?:s|ping|ped)? (?:down|aside|back)|resign(?:s|ed|ing|ation)?"
                r"|retir(?:es|ing as|ement of)\b|(?:to|will) retire\b(?! (?:debt|early|rich|on"
                r"|with))|to depart|departs?|departures?|ousted|ouster|fired|quits|to quit"
                r"|to leave|stepping down)\b",
            ),
            Pattern("buyout", r"\b(?:workforce|employee|voluntary|staff|worker)s? buyouts?\b"),
            Pattern("buyouts", r"\boffer(?:s|ing|ed)? (?:voluntary )?buyouts\b"),
            Pattern(
                "exits leave left",
                r"\b(?:to leave|leaves|has left|exits) (?:xname|(?:the )?(?:company|drugmaker|firm"
                r"|automaker|bank|giant))\b",
            ),
            Pattern("successor", r"\bsuccessor\b"),
            Pattern("succession", r"\bsuccession\b"),
            Pattern("succeed", r"\bsucceeds?\b(?= (?:as|xname|\w+ \w+ as))"),
            Pattern(
                "ceo cfo chief executive leadership management",
                r"\b(?:ceo|leadership|management|executive|cfo|chief) (?:\w+ )?(?:transition"
                r"|change|shake-?up|reshuffle|search|exit|departure|handoff|pay|compensation|move"
                r"|role|succession|overhaul|swap)\b",
            ),
            Pattern("become", r"\bto become (?:\w+ )?(?:ceo|cfo|chief|chair\w*|president)\b"),
            Pattern("takes", r"\btakes over as\b"),
            Pattern(
                "cut headcount job laid lay workforce",
                r"\b(?:layoffs?|lay(?:s|ing)? off|laid off|job cuts?|cuts? (?:\S+ ){0,3}?(?:jobs"
                r"|staff|workers|employees|workforce|positions|roles)|workforce (?:cut"
                r"|reduction)s?|headcount)\b",
            ),
            Pattern(
                "employees engineers jobs people positions roles staff workers",
                r"\b(?:cut|cutting|eliminat\w+|slash\w*|axe\w*|shed\w*|add\w*|creat\w+"
                r"|hir\w+) (?:\S+ ){0,4}?(?:jobs|employees|workers|staff|people|roles|positions"
                r"|engineers)\b",
            ),
            Pattern("hiring", r"\bhiring (?:freeze|spree|plan)\b"),
            Pattern(
                "employee staff worker",
                r"\b(?:employees?|workers?|staff) (?:pay|bonus\w*|salar\w+|raises?|vote"
                r"|unioni[sz]\w+|protest\w*)\b",
            ),
            Pattern("unioni", r"\bunioni[sz]\w+"),
            Pattern("pay", r"\bpay (?:package|raise|deal|hike|gap|ratio)\b"),
            Pattern("board", r"\bboard (?:seat|member|of directors|shake-?up|chair)\b"),
            Pattern(
                "board",
                r"\b(?:joins|join|to|leave|leaves|from|independent" r"|on) (?:\S+ )?board\b(?! (?:of peace|game))",
            ),
            Pattern("shareholders", r"\bshareholders elect\b"),
            Pattern("return", r"\breturn[- ]to[- ]office\b"),
            Pattern("role", r"\btransition (?:his|her|their) role\b"),
            Pattern("goodbye", r"\bsays goodbye to\b"),
            Pattern("compensation", r"\bstock-based compensation\b"),
            Pattern("wage", r"\bwage\b"),
        ),
    ),
    # Products and operations.
    _rule(
        EventType.PRODUCT,
        Tier.FACT,
        (
            Pattern(
                "availability available debut deploy integrate integrating integration introduce"
                " introducing launch moderniz piloting pilots redesign released releases revamp reveal"
                " roll unveil",
                r"\b(?:launch(?:es|ed|ing)?|unveil(?:s|ed|ing)?|introduc(?:es?|ed|ing)|debut(?:s"
                r"|ed|ing)?|releases|released|roll(?:s|ed|ing)? out|rollout|reveals? (?:new|first"
                r"|its)|deploy(?:s|ed|ing|ment)?|pilots|piloting|integrat(?:es?|ed|ing|ion)"
                r"|now available|availab(?:le|ility) (?:on|in|at|for|of)|redesign\w*|revamp(?:s"
                r"|ed)?|moderniz\w+)\b",
            ),
            Pattern(
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
        Tier.FACT,
        (
            Pattern("partner", r"\bpartner(?:s|ed|ing|ship|ships)?\b"),
            Pattern("collaborat", r"\bcollaborat(?:es?|ed|ing|ion|ions)\b"),
            Pattern("alliance", r"\balliance\b"),
            Pattern("contract order", r"\b(?:contracts?|orders?)\b(?! (?:from court|in council))"),
            Pattern(
                "agreement approval collaboration contract deal licen mou nod order pact partnership",
                r"\b(?:signs?|signed|signing|inks?|inked|strikes?|struck|reach(?:es|ed)?|wins?|won"
                r"|lands?|landed|secures?|secured|clinch(?:es|ed)?|bags?|extends?|expands?|ends?"
                r"|scraps?|renews?|announces?|bagged|enters?|finali[sz]es?"
                r"|seals?) (?:\S+ ){0,6}?(?:deals?|agreements?|pacts?|mou|approval|nod|order"
                r"|contract|partnership|collaboration|licen[cs]e)\b",
            ),
            Pattern(
                "agreement contract deal pact",
                r"\b(?:ai|chip|cloud|supply|power|licensing|content|distribution|streaming|energy"
                r"|nuclear|compute|data center|computing|long-term|multi-year|pentagon|defense"
                r"|tech|jet|plane|aircraft|license|rights|lease|purchase|service|offtake|solar"
                r"|wind|drug|space|satellite|strategic|pricing|wind power) (?:\w+ )?(?:deals?"
                r"|agreements?|pacts?|contracts?)\b",
            ),
            Pattern("deal", r"\bdeal with\b"),
            Pattern("team", r"\bteam(?:s|ed|ing)? (?:up|with)\b"),
            Pattern("forces", r"\bjoin(?:s|ed)? forces\b"),
            Pattern(
                "adopt choose chosen picks select",
                r"\b(?:selects?|selected|chooses?|chosen|picks|adopts?) (?:xname|by)\b",
            ),
            Pattern("tie", r"\btie-?ups?\b"),
            Pattern("xname", r"\bwork(?:s|ing)? with xname"),
            Pattern("powered", r"\bpowered by\b"),
            Pattern("convert exercise", r"\b(?:exercises?|converts?) (?:its )?options?\b"),
            Pattern("depth", r"\bdepth of ties"),
            Pattern(
                "aircraft airplanes chips dreamliner gpus jets planes power",
                r"\b(?:to|will) (?:buy|purchase|order|lease|acquire|add) (?:\S+ ){0,4}?(?:jets"
                r"|aircraft|planes|airplanes|dreamliners?|chips|gpus|power)\b",
            ),
        ),
    ),
    _rule(
        EventType.PRODUCT,
        Tier.FACT,
        (
            Pattern("chmp ema fda mhra", r"\b(?:fda|ema|chmp|mhra)\b"),
            Pattern("phase", r"\bphase (?:\d|i|ii|iii|1/2|2/3)\w?\b"),
            Pattern("phase", r"\bphase-?\d\b"),
            Pattern(
                "cancer clinical drug pivotal stage vaccine",
                r"\b(?:clinical|late-stage|mid-stage|early-stage|drug|pivotal|vaccine"
                r"|cancer) (?:trials?|study|studies|data)\b",
            ),
            Pattern(
                "study trial", r"\b(?:trial|study) (?:data|results|shows?|fails?|meets?|met|success|hits?" r"|finds?)\b"
            ),
            Pattern(
                "drug injection medicine pill tablet therapies therapy treatment vaccine",
                r"\b(?:drugs?|vaccines?|therap(?:y|ies)|treatments?|pills?|medicines?|injection"
                r"|tablet) (?:\w+ ){0,3}?(?:approv\w+|wins?|shows?|fails?|works?|cuts?|reduces?"
                r"|helps?|meets?|gets?|launch\w*|trial|rollout|prescriptions?|sales|lags?|demand"
                r"|program|pilot)\b",
            ),
            Pattern(
                "approval approved approves authori cleared clears green nod",
                r"\b(?:approv(?:al|es|ed)|clears|cleared|authori[sz]\w+|nod"
                r"|green[- ]?light) (?:\S+ ){0,4}?(?:drug|vaccine|therapy|treatment|pill|device"
                r"|for|of|from)\b",
            ),
            Pattern("prescriptions", r"\bprescriptions\b"),
            Pattern(
                "breakthrough fast orphan priority",
                r"\b(?:orphan|breakthrough|fast[- ]track|priority) (?:drug|therapy|review|status" r"|designation)\b",
            ),
            Pattern("clinical", r"\bclinical (?:hold|trials?|program)\b"),
            Pattern("safety", r"\bsafety (?:signal|concern|data)\b"),
            Pattern(
                "alzheimer cancer diabetes glp obesity weight",
                r"\b(?:glp-?1|obesity|weight[- ]loss|cancer|alzheimer's|diabetes) (?:drug|pill"
                r"|shot|program|treatment|medicine|jab)s?\b",
            ),
        ),
    ),
    _rule(
        EventType.PRODUCT,
        Tier.FACT,
        (
            Pattern("outage", r"\boutages?\b"),
            Pattern("strike", r"\bstrikes?\b(?= (?:at|by|looms|vote|action|ends|over|continues|threat|deadline))"),
            Pattern("strike", r"\bon strike\b"),
            Pattern("crash", r"\b(?:plane|jet|737|787|air|fatal|car) crash\b"),
            Pattern(
                "boost cut delay halt increase pause ramp restart resume slash suspend",
                r"\b(?:halts?|halted|suspends?|suspended|resumes?|resumed|pauses?|paused|delays?"
                r"|delayed|ramps?|boosts?|cuts?|increases?|slash(?:es)?|restarts?) (?:(?!oil|ipo"
                r"|industry)\S+ ){0,4}?(?:production|output|operations|flights|deliveries"
                r"|shipments|launch|rollout|plant|manufacturing|sales of|prices?|supply)\b",
            ),
            Pattern(
                "breach chain constraint cyber hack shortage",
                r"\b(?:cyber-?attacks?|hack(?:ed|ers|ing)?|data breach|supply (?:constraints?"
                r"|shortages?|chain issues)|chip shortages?|shortages?)\b",
            ),
            Pattern(
                "capacity output production",
                r"\b(?:production|output|capacity) (?:of|at|to|cut|increase|ramp|begins|start"
                r"|starts|expansion|halt|boost|delay)\b",
            ),
            Pattern("production", r"\bmass production\b"),
            Pattern("landing", r"\bemergency landing\b"),
            Pattern("grounded", r"\bgrounded\b"),
            Pattern(
                "prices",
                r"\b(?:raises?|hikes?|cuts?|lowers?|slashes?|increases?) (?:(?!oil|crude|gas"
                r"|ipo)\S+ ){0,4}?prices\b",
            ),
            Pattern("cut hike increase", r"\bprice (?:hikes?|increases?|cuts?)\b"),
            Pattern(
                "closes closing shut",
                r"\b(?:closing|closes|shuts?|shutting|shutters?) (?:\S+ ){0,4}?(?:stores?|plant"
                r"|factory|locations|restaurants|facility|branches)\b",
            ),
        ),
    ),
    _rule(
        EventType.RESULTS,
        Tier.WEAK,
        (
            Pattern(
                "earnings",
                r"\b(?:reports?|reported|reporting|delivers?|posts?|into|following|after|upcoming"
                r"|unveil\w*) (?:\S+ )?earnings\b(?! (?:call|season|power))",
            ),
            Pattern(
                "earnings",
                r"\bearnings (?:due|today|tomorrow|on tap|on deck|on|expected|this week|next week"
                r"|date|show\w*|are|were|is|was|to|from|sink\w*|lift\w*|send\w*|boost\w*)\b",
            ),
            Pattern("solid", r"\bsolid quarter"),
            Pattern("quarterly", r"\bquarterly (?:performance|numbers|figures|update|report)\b"),
            Pattern("results", r"\b(?:financial|fiscal|interim|full-year|annual|preliminary) results\b"),
            Pattern("results", r"\bresults (?:for|of) (?:the )?(?:\w+ )?(?:quarter|year|half)\b"),
            Pattern("results", r"\b(?:after|on|following|despite|reports?|announces?) (?:\w+ )?results\b"),
            Pattern("eps", r"\beps\b"),
            Pattern("results", r"\breport(?:s|ed|ing)? results\b"),
        ),
    ),
    # A company that does something with its products, by its first words.
    _rule(
        EventType.PRODUCT,
        Tier.WEAK,
        (
            Pattern(
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
        Tier.WEAK,
        (
            Pattern(
                "airworthiness beta certification customer delivery evaluation flight shipment testing",
                r"\b(?:test flight|technical evaluation|airworthiness|certification|late testing"
                r"|beta test\w*|first (?:flight|customer|shipment|delivery))\b",
            ),
            Pattern("commit", r"\bcommit(?:s|ted|ting)? to spend\w*"),
            Pattern("traction", r"\bgain(?:s|ed)? traction\b"),
            Pattern("tier", r"\b(?:ad-supported|subscription) tier\b"),
            Pattern("higher", r"\bhigher price now\b"),
            Pattern("content rights", r"\b(?:content spend|streaming rights|tv rights|media rights)\b"),
        ),
    ),
    # Spending without a word on what it is for.
    _rule(
        EventType.CAPITAL,
        Tier.WEAK,
        (
            Pattern(
                "invest spend",
                r"\b(?:to|will) (?:spend|invest) (?:up to |about |over |more than |nearly "
                r"|at least |another |an? additional )?\$[\d.]+",
            ),
        ),
    ),
    # Moves without a cause.
    _rule(
        EventType.PRICE,
        Tier.MOVE,
        (
            Pattern(
                "adr cap scrip share shr stock value",
                r"\b(?:stocks?|shares?|shr|scrips?|adrs?|market (?:cap|value"
                rf"|capitali[sz]ation))\b(?: \S+){{0,4}}? (?:{_MOVES}|up|down|higher|lower|red"
                r"|green|highs?|lows?|flat|swings?)\b",
            ),
            Pattern(
                "advanced advances advancing ascend bounce bouncing climb clos crash crater decline"
                " declining dip dive drop edg end explode exploding fall fell finish gain head inch jump"
                " leap lift loses lost mov nosedive open outperform plummet plunge plunging pop pull push"
                " rallied rallies rally rebound retreat rise rising rocket rose sag sank sell shed sink"
                " skid skyrocket slid slip slump soar spike spiking stumble stumbling surge surging swoon"
                " tank tick trad tumble tumbling underperform weaken wobble wobbling",
                rf"\b{_MOVES} (?:\S+ )?\d[\d.,]*(?:%| ?percent| ?pct| points)",
            ),
            Pattern(
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
            Pattern("down up", r"\b(?:up|down) (?:\w+ )?\d[\d.]*(?:%| ?percent| ?pct)"),
            Pattern(
                "xname",
                rf"^xname(?:'s)? (?:{_MOVES})\b(?! (?:\w+ )?(?:to|its|new|the|a|into|out|ball" r"|from the|behind))",
            ),
            Pattern("52 fifty", r"\b(?:52|fifty-two)[- ]week (?:high|low)s?\b"),
            Pattern(
                "high low",
                r"\b(?:record|all-time|new|multi-year|near-record|\w+-(?:month|year|week" r"|day)) (?:highs?|lows?)\b",
            ),
            Pattern(
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
            Pattern("streak", r"\b(?:winning|losing) streak\b"),
            Pattern("price", r"\b(?:stock|share) price\b"),
            Pattern(
                "crash plunge rally rout run sell slump surge",
                r"\b(?:stock|share|shares|market|recent|\d%|this|price|post-earnings|relief|week"
                r"|month|year|day)(?:'s)? (?:\w+ )?(?:rally|sell-?off|slump|surge|plunge|rout"
                r"|crash|run)\b",
            ),
            Pattern(
                "gets goes lags leads mauled outpaces shrugs stuck swings",
                r"\bstock (?:leads|lags|outpaces|mauled|gets|is stuck|goes|swings|shrugs)\b",
            ),
            Pattern("than", r"\b(?:fall|dip|drop|decline|loss|gain|rise)s? than (?:the )?(?:broader )?market\b"),
            Pattern("cap value", r"\bmarket (?:cap|capitali[sz]ation|value)\b"),
            Pattern("premarket", r"\bpremarket\b"),
            Pattern("hours", r"\bafter hours\b"),
        ),
    ),
    # What a broker says of a company, where nothing else is reported.
    _rule(
        EventType.RATING,
        Tier.FEATURE,
        (
            Pattern(
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
        Tier.FEATURE,
        (
            Pattern("award winner", r"\b(?:awards?|awarded|winners?) .*\b(?:of the year|grant|scholarships?)\b"),
            Pattern("year", r"\bof the year\b"),
            Pattern("grant", r"\bgrants? to\b"),
            Pattern("annual", r"\bannual (?:general )?meeting\b"),
            Pattern("host participate present speak", r"\bto (?:present|participate|speak|host) (?:at|in|a)\b"),
            Pattern("sponsor", r"\bsponsors?(?:hip)?\b"),
            Pattern("donat", r"\bdonat\w+\b"),
            Pattern("scholarship", r"\bscholarships?\b"),
            Pattern("sustainability", r"\bsustainability report\b"),
            Pattern("anniversary", r"\banniversary\b"),
            Pattern("years", r"\bmarks? \w+ years\b"),
        ),
    ),
    # Opinion by weaker signs, where nothing is reported.
    _rule(
        EventType.OPINION,
        Tier.FEATURE,
        (
            Pattern("?", r"\?"),
            Pattern("here", r"\bhere(?:'s| is| are)\b"),
            Pattern(
                "what",
                r"\bwhat (?:investors|you|traders|to|wall street|it means|happens|comes|makes" r"|matters|the)\b",
            ),
            Pattern("how what when where why", r"^(?:why|how|what|when|where)\b"),
            Pattern("need", r"\bneed to know\b"),
            Pattern("facts takeaways things", r"\b(?:things|facts|takeaways) (?:to|you|we|investors|from)\b"),
            Pattern("valuation", r"\bvaluations?\b"),
            Pattern("over under", r"\b(?:under|over)valu(?:ed|ation)\b"),
            Pattern("upside", r"\bupside\b"),
            Pattern("downside", r"\bdownside\b"),
            Pattern("bear bull", r"\b(?:bull|bear)(?:s|ish)?\b"),
            Pattern(
                "bargain catalyst cheap compounder expensive flag headwind hidden mispriced moat"
                " multibagger opportunity rat smart story tailwind turnaround",
                r"\b(?:opportunity|bargains?|cheap|expensive|moat|mispriced|re-rat\w+|compounder"
                r"|multibagger|hidden|smart money|tailwinds?|headwinds?|growth story|turnaround"
                r"|catalysts?|red flags?)\b",
            ),
            Pattern(
                "could may might",
                r"\b(?:could|might|may) (?:be|soar|rise|fall|double|surge|make|become|change|drop"
                r"|crash|help|still|finally|mean|hit|have)\b",
            ),
            Pattern("future next", r"\b(?:next|future) of\b"),
            Pattern("investor", r"\binvestors? (?:love|hate|should|are|is|can|fear|worry|face)\b"),
            Pattern("look", r"\blooks? (?:attractive|cheap|good|expensive|poised|different|like|smart|set)\b"),
            Pattern("poised", r"\bpoised (?:for|to)\b"),
            Pattern("yield", r"\bdividend yield\b"),
            Pattern("yield", r"\b\d[\d.]*% yield\b"),
            Pattern("history", r"^history of\b"),
            Pattern("timeline", r"\btimeline\b"),
            Pattern("overtake surpass", r"\bexpected to (?:surpass|overtake)\b"),
            Pattern("set", r"\bset to (?:soar|surge|surpass|win|benefit)\b"),
            Pattern("say", r"\bsays? buy\b"),
            Pattern(
                "xname",
                r"^xname's .*\b(?:strategy|problem|future|moment|secret|bet|edge|big|real|hidden" r"|next chapter)\b",
            ),
        ),
    ),
    # The market and the economy by their words.
    _rule(
        EventType.MACRO,
        Tier.MARKET,
        (
            Pattern(
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

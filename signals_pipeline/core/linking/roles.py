"""The role of each company that a headline names: subject, affected, mentioned, broker or another thing.

A title is cut into parts, each a statement of its own. The company or list of companies that comes first in a part is
its subject. What stands directly next to a name can say otherwise: that the company rates or is quoted, that it is a
partner, a rival or a former employer, that it hosts a conference. Companies behind the subject are affected where the
words between them state a consequence, else only mentioned. The lists of words were chosen by reading real titles.
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from signals_pipeline.core.linking.parts import LIST_SEPARATOR, MentionSpan, cut_parts
from signals_pipeline.core.spans import Span


class Role(StrEnum):
    """What a headline makes of a company."""

    # It reports something about the company: it acts or is acted on, its results, its stock, a verdict on it.
    SUBJECT = "subject"
    # Another company or event is the subject, and a consequence for this one is stated.
    AFFECTED = "affected"
    # Named without anything reported of it: a partner, a comparison, a platform, an entry in a list.
    MENTIONED = "mentioned"
    # It rates, forecasts, is quoted or comments on something else.
    BROKER = "broker"
    # The words are another thing of that name.
    OTHER = "other"
    # Only a vendor's tag, a filing cashtag or nothing: the title does not name the company.
    TAGGED = ""

    @property
    def relevance(self) -> float:
        """What a headline in which a company has this role weighs for it; only above 0 it carries tone."""
        return _RELEVANCE.get(self, 0.0)


# A stated consequence counts half of what is reported of the company itself.
_RELEVANCE = {Role.SUBJECT: 1.0, Role.AFFECTED: 0.5}

# From this many companies on, a title is a list.
_MINIMUM_LIST_SIZE = 5
# Characters before a name that can bear on its role: eight words.
_NEIGHBOURHOOD = 60
# In a part behind the first, a company after more words than this is no subject.
_MAXIMUM_WORDS_BEFORE_LATER_SUBJECT = 2
# Of several mentions of one company the first of these roles counts.
_PRECEDENCE = (Role.BROKER, Role.SUBJECT, Role.AFFECTED, Role.MENTIONED, Role.OTHER)

# Titles of lists and round-ups, and reports on whole markets: no company in them is the subject.
_LIST_TITLE = re.compile(
    r"""\b(?:
        (?P<behind>stocks\s(?:to\s(?:watch|buy|sell|own)|picks|moving|trading|that|making\s(?:the\s)?big|are\stoday['’]s)
            |(?:big(?:gest)?|midday|after[- ]hours|pre-?market)\s(?:movers|gainers|losers|news))
        |(?:moving|active)\sstocks|watch\s\d+\sstocks|(?:today|monday|tuesday|wednesday|thursday|friday)['’]s\s(?:\w+\s){0,2}movers
        |brokerage\sviews|chart\scheck|trades\sfor\sthe\sweek|highlighted\s(?:as|in)
        |are\spart\sof\szacks|zacks\s(?:analyst\sblog|earnings\strends|way)|final\strades?|calls?\sof\sthe\sday
        |top\s(?:analyst|stock|research)\sreports|analyst\sresearch\scalls
        |notable\s(?:earnings|calls|insider)|earnings\s(?:calendar|scheduled)
        |dogs\sof\sthe\sdow|watch\s?list|week\sahead|(?:tech|market)\shighlights|morning\s(?:buzz|squawk)
        |what\sto\swatch|market\s(?:wrap|recap)
        |market\s(?:research|size|to\s(?:reach|exceed|hit)|(?:\w+\s){0,2}(?:report|forecast|analysis))
        |(?:analysis|report|outlook)\s\d{4}|featuring
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
# One of these words is in each of them.
_LIST_WORDS = (
    "stocks", "movers", "gainers", "losers", "news", "watch", "brokerage", "chart check", "trades", "final trade",
    "highlight", "zacks", "report", "call", "earnings", "notable", "dogs of", "week ahead", "morning", "market",
    "featuring", "analysis", "outlook",
)  # fmt: skip
# The end of a list of names, if there are several.
_AND_MORE = re.compile(r"(?:&|,?\sand)\smore\W*$", re.IGNORECASE)
# What stands between two companies that are compared.
_COMPARED = re.compile(r"^(?:['’]s)?\s*,?\s*(?:vs?\b\.?|versus|or)\s*$", re.IGNORECASE)
# The move of an index, whatever company it waits for or is led by.
_INDEX_MOVE = re.compile(
    r"""\W*(?:Dow(?:\sJones(?:\sIndustrial\sAverage|\sFutures)?)?|S&P\s500|Nasdaq|Sensex|Nifty|FTSE|Nikkei|Wall\sStreet
        |(?:US\s|Asian?\s|European\s|Chip\s|Tech\s)?(?:stocks|markets|shares|futures))\s(?:\w+\s){0,2}?
        (?:climb|close|dip|drop|end|fall|gain|jump|leap|open|rally|rallie|rise|sink|slide|slip|surge|tumble|turn)s?\b""",
    re.IGNORECASE | re.VERBOSE,
)
# A publisher's page names its company before a colon with a space on either side.
_FILED_UNDER = re.compile(r"(?: 'C')?\s:\s")

# What may follow a broker's name before the verb: its legal form, its analysts, its head.
_NAME_TAIL = r"""
    \.?(?:['’]s?)?(?:,?\s(?:&\sCo|Inc|Group|Corp(?:oration)?|Securities|Capital(?:\sMarkets)?|Research|Chase|Global
        |(?:\w+\s){0,2}(?:analysts?|strategists?|economists?|survey|data|poll|note|desk|traders?))\b\.?){0,3}
"""
# A verdict, a forecast or a comment, directly after the one who gives it: "JPMorgan's Matejka says".
_OPINES = re.compile(
    _NAME_TAIL
    + r"""(?:['’]s?(?:\s(?-i:[A-Z])[\w.’'-]+){0,2}
        |\s(?:CEO|CFO|COO|President|Chair\w*|Chief)(?:\s(?-i:[A-Z])[\w.’'-]+){0,3})?
    \s(?:also\s|now\s|just\s|again\s|still\s|analyst\s|has\s(?=an?\b))*(?:
        upgrades?|downgrades?|initiates?|reiterates?|reaffirms?|maintains?|(?:assumes?|resumes?|starts?)\scoverage
        |adjusts?|revamps?|remains?\sbullish|turns?\s(?:bullish|bearish|cautious)|(?:is\s)?(?:bullish|bearish)\son
        |says?|said|sees?|warns?|thinks?|expects?|forecasts?|predicts?|projects?|believes?|recommends?|favou?rs?
        |likes?|prefers?|picks?|calls?|flags?|highlights?|points?\s(?:to|out)|argues?|advises?|suggests?|weighs?\sin
        |bets?\sbig|reveals?|data\sshows?|reports?\sthat|survey|poll|names?\s(?:top|best)|found\sa\sreason
        |(?:(?:delivers?|issues?|sends?|gives?)\s)?(?:an?\s)?(?:[a-z]+\s)?(?:stark|blunt|bold|strong|clear|decisive|urgent)
            \s(?:message|warning|words|verdict)
        |issues?\s(?:an?\s)?warning|makes?\s(?:\w+\s){0,2}call
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
# ... about the broker's own business: "Goldman Sachs says it will cut jobs".
_OWN_STATEMENT = re.compile(
    r"\b(?:says?|said|warns?|reveals?)\s(?:it|its|they|to|will|it['’]s)\b",
    re.IGNORECASE,
)
# A rating action, whoever acts.
_RATES = re.compile(
    _NAME_TAIL
    + r"""\s(?:also\s)?(?:
        upgrades?|downgrades?|(?:re)?initiates?|reiterates?|reaffirms?|maintains?|adjusts?
        |(?:raises?|cuts?|lifts?|lowers?|trims?|boosts?|hikes?|bumps?|increases?|reduces?|slashes?|ups?|sets?|resets?|keeps?|drops?)
            \s(?:[\w$.,&'‘’“”()-]+\s){0,6}?(?:price\s)?(?:targets?|PTs?|forecasts?|estimates?|ratings?|stock\sprice|outlook)
        |(?:keeps?|assigns?|gives?|adds?|starts?|begins?|remains?|moves?|cuts?|raises?|lifts?|lowers?)
            \s(?:[\w$.,&'‘’“”()-]+\s){0,6}?(?:buy|sell|hold|neutral|overweight|underweight|outperform|underperform
                |equal[- ]weight|market\sperform|sector\sperform|conviction|ratings?)
        |ratings?\supdates?|resets?|remains\sits|keeps\sits|maintains\sa|on\b(?=\s(?-i:[A-Z]))
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
# "Bank of America upgrade", "Goldman $450 price target", "JPMorgan's target cut".
_RATING_NOUN = re.compile(
    r"(?:['’]s?)?\s(?:(?!with\b|of\b|has\b|gets?\b)[\w$.,'’-]+\s){0,2}?"
    r"(?:upgrades?|downgrades?|(?:price\s)?targets?|ratings?|initiation|coverage|note|survey|forecasts?|(?:cautious|bullish|bearish)\s\w+)\b",
    re.IGNORECASE,
)
# Before the company that a broker rates.
_RATED_BEFORE = re.compile(r"\b(?:on|of|for|about)\s(?:shares\sof\s)?$", re.IGNORECASE)
# Before a name that is only the source of a statement: "raised to buy at", "said", "a top pick for".
_ATTRIBUTED_TO = re.compile(
    r"""(?:\b(?:says?|said|warns?|according\sto|via|per|citing|top\spick\s(?:for|at|of)|analysts?\sat)
        |\s[-–—]|:|\b(?:raised|cut|upgraded?|downgraded?|initiated|lowered|started|reiterated|reduced|lifted|hiked|maintained
            |boosted|trimmed|target|coverage|rating|resumed|assumed|named)(?:\s\S+){0,6}\s(?:at|by|from)
    )\s(?:the\s)?$""",
    re.IGNORECASE | re.VERBOSE,
)
# ... and the rating stands before it: "price target boosted by".
_RATED_BY = re.compile(
    r"\b(?:targets?|PTs?|ratings?|upgraded|downgraded|initiated|reiterated|coverage)(?:\s\S+){0,5}\s(?:by|at)\s$",
    re.IGNORECASE,
)
# ... whoever it is.
_RATED_AT = re.compile(
    r"\b(?:raised|cut|upgraded?|downgraded?|initiated|lowered|reiterated|reduced)(?:\s\S+){0,6}\s(?:at|by)\s$",
    re.IGNORECASE,
)
# Nothing but the source's role follows such a name.
_ENDS = re.compile(
    r"^(?:['’]s?(?:\s[A-Z][\w.’'-]+){0,3})?(?:\s(?:Securities|Capital\sMarkets|Research|Group|Chase|Inc|survey|data|citing.*))*"
    r"(?:\s+(?:says?|said|warns?|analysts?|strategists?|economists?|boss|chief|CEO|reports?|shows?))?[\s.\"”)?!]*$",
    re.IGNORECASE,
)
# A source at the end of a title: "Oil to hit $50, Citigroup says".
_SAYS_LAST = re.compile(
    r"^(?:(?:['’]s?|\sCEO|\sCFO)(?:\s[A-Z][\w.’'-]+){0,3})?"
    r"(?:\s(?:Securities|Research|analysts?|strategists?|economists?|survey|data))*"
    r"\s+(?:says?|said|warns?|shows?|believes?|thinks?)\b[\s.\"”)]*(?:$|[.;,-])",
    re.IGNORECASE,
)

# What concerns everybody: a company that comments on it is no subject.
_MACRO = re.compile(
    r"\b(?:oil prices?|crude|gas prices?|econom(?:y|ic)|inflation|recession|interest rates?|tariffs?|bitcoin|markets?"
    r"|dollar)\b",
    re.IGNORECASE,
)

# The host of an event that the headline is about: "at JPMorgan's annual conference".
_HOSTS = re.compile(
    r"^(?:['’]s)?(?:\s[\w&,.'’-]+){0,8}?\s(?:conference(?!\scall)|summit|symposium|forum|fireside)\b", re.IGNORECASE
)
_HOSTED_AT = re.compile(r"\b(?:at|to|in|from|during|for|of)\s(?:[\w&,-]+\s){0,3}$", re.IGNORECASE)
# A former employer.
_FORMERLY = re.compile(r"\b(?:former|ex|once|late)[- ](?:\w+\s)?$", re.IGNORECASE)
# Next to the name of a company that is a former employer, an owner, a rival or a model of somebody else.
_BYSTANDER_BEFORE = re.compile(
    r"""(?:\b(?:unlike|beyond|besides|versus|not|isn['’]?t|than|compared\s(?:to|with)|similar\sto|formerly\s(?:of|at)
            |(?<!stocks\s)(?<!names\s)(?<!giants\s)(?<!makers\s)(?<!firms\s)(?<!companies\s)(?<!n['’]t\s)(?<!analysts\s)
             (?<!investors\s)(?<!still\s)(?<!really\s)(?<!to\s)(?<!\bi\s)(?<!\bwe\s)(?<!would\s)like
            |led\sby|backed\sby|owned\sby|funded\sby|followed\sby|including|such\sas|powered\sby|built\s(?:with|on)
            |rivals?\s(?:to|of)|competitors?\s(?:to|of)|alternatives?\sto|answer\sto|supplier\s(?:to|of)|suppliers\sto
            |joins?|alongside|help\sfrom|notification\sby|forget|move\sover,?|step\saside,?|the\snext|another)\s(?:the\s)?
        )$""",
    re.IGNORECASE | re.VERBOSE,
)
_BYSTANDER_AFTER = re.compile(
    r"""(?:['’]s)?\s(?:rivals?|suppliers?|peers?|competitors?|challengers?|backers?|customers?|partners?(?!\s(?:Inc|LLC|LP|Group)\b)|spin-?offs?
        |alum(?:ni|nus)?|veterans?|vet|interns?|engineer|exec(?:utive)?s?\s(?:joins?|named|as)
        |challenge|wannabe|killer|copycat|lookalike|clone|alternative)\b""",
    re.IGNORECASE | re.VERBOSE,
)
# ... whoever it is: "an Nvidia-backed startup".
_COMPOUND_AFTER = re.compile(
    r"[-–](?:backed|led|like|style|rival|funded|linked|inspired|powered|based|supplier|era|killer|themed|branded)\b",
    re.IGNORECASE,
)
# Where something is sold: "launches at Walmart".
_SOLD_AT = re.compile(
    r"\b(?:launch\w*|available|sold|debuts?|rolls?\sout|listed|live|lands?)\s(?:\w+\s){0,2}(?:at|on|in|via|through)\s$",
    re.IGNORECASE,
)
_RIVAL_AFTER = re.compile(
    r"(?:[-–]|\s)(?:rival|competitor|challenger|killer|alternative|clone|copycat)\b", re.IGNORECASE
)
# ... and of somebody who is named right there: "Nvidia rival AMD plunges"; else the company's rivals are news about it.
_NAME_NEXT = re.compile(r"\s(?:[A-Z0-9]|\w+\s[A-Z])")
# "the Nvidia of quantum".
_NICKNAME = re.compile(r"\s[Oo]f\s(?:the\s)?[A-Z]\w+")
_NICKNAME_BEFORE = re.compile(r"(?:\b(?:[Tt]he|[Aa]n?|[Nn]ext|[Nn]ew)\s+|[“\"'‘]|\bas\s+)$")

# Between the two parties of a deal, which is news about both.
_DEAL = re.compile(
    r"\b(?:merg(?:e|es|er|ing)\swith|merger\swith|talks\s(?:with|to)|joins?\shands?\swith|deal\swith|sells?\s.*\sto|sale\s.*\sto"
    r"|takeover\s(?:target\s)?(?:of|by)|acquired\sby|bought\sby|settle\w*\swith)\s(?:[\w.’'-]+\s){0,2}$",
    re.IGNORECASE,
)
# Between a subject and a company for which a consequence is stated.
_CONSEQUENCE = re.compile(
    r"""\b(?:
        # Takeovers and stakes.
        acquir\w+|acquisition\sof|buy(?:s|ing)?(?!back)|to\sbuy|bought|purchas\w+|takeover\s(?:of|bid)|takes?\sover|merg\w+
        |bids?\s(?:for|to)|offers?\s(?:for|to\sbuy)|stakes?\sin|invest\w*\s(?:[\w$.,+-]+\s){0,6}?(?:in|into)
        # Litigation and regulators.
        |su(?:es?|ed|ing)|lawsuits?|suits?|accus\w+|alleg\w+|against|fin(?:es|ed)|prob(?:es|ed|ing)|investigat\w+|ban(?:s|ned)?
        |block\w*|order(?:s|ed)?|forc(?:es?|ed|ing)|charg(?:es|ed)|sanction\w*|subpoena\w*|blam\w+|slam\w*|criticiz\w+
        # Rivalry.
        |challeng\w+|tak(?:es?|ing)\son|rival(?:s|ing)?|threat\w*|overtak\w+|surpass\w*|outpac\w+|outshin\w+|beat(?:s|ing)?
        |top(?:s|ped|ple\w*)|dethron\w+|undercut\w*|displac\w+|steal\w*|poach\w*|compet\w+|disrupt\w*|leav\w+|catch(?:es|ing)?|unseat\w*
        # What a company does to another's business.
        |hit(?:s|ting)?|hurt\w*|boost\w*|lift\w*|help(?:s|ed)?|pressur\w+|drag(?:s|ged)?|weigh(?:s|ed)?|worr\w+|bad\snews\sfor
        |good\snews\sfor|(?:sign|trouble|win|blow|warning|lessons?)\s(?:for|to)|means?\sfor|mean\sfor|shak\w+|sink\w*|drop\w*|ditch\w*|dump\w*|award\w*|select\w*|pick(?:s|ed)
        |cancel\w*|delay\w*|terminat\w+|end(?:s|ed|ing)?|cut(?:s|ting)?|switch\w*|replac\w+|shift\w*\sfrom|order(?:s|ing)?
        |contract\s(?:to|for|with)|deal\swith|agreement\swith|tap(?:s|ped)|pay(?:s|ing)?|commit\w*
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
# ... unless the last word before the company says that it is only there: a partner, a place, a price.
_ONLY_THERE = re.compile(
    r"\b(?:with|via|on|through|using|alongside|from|at|than|like|unlike|including|and)\s(?:[\w.,’'$%-]+\s){0,3}$",
    re.IGNORECASE,
)
# Whoever gets the office is news about the company: "named Apple's chief hardware officer".
_ITS_OFFICE = re.compile(r"['’]s\s(?:\w+\s){0,2}?(?:CEO|CFO|COO|CTO|chief|president|chair\w*|head)\b", re.IGNORECASE)
# What an investor does with its shares is news about the company, too.
_TRADES_IN = re.compile(
    r"\b(?:doubles?\sdown\son|loads?\sup\son|piles?\sinto|(?:buys?|bought|sells?|sold)\s(?:more|shares\sof)|trims?|dumps?)\s"
    r"(?:[\w$.,]+\s){0,4}$",
    re.IGNORECASE,
)
# The head of a company, and what is his: "Tesla CEO Elon Musk's SpaceX".
_OF_ITS_HEAD = re.compile(r"\s(?:CEO|[Cc]o-?founder|[Ff]ounder|[Cc]hair(?:man|woman)?)(?:\s[A-Z][\w.-]+){1,3}['’]s\s$")
# A cause that is named without a verb: "after Amazon's Anthropic deal".
_CAUSE = re.compile(r"\b(?:after|amid|despite|following)\s(?:the\s|its\s|an?\s)?$", re.IGNORECASE)
_VERB = re.compile(
    r"""\b(?:is|are|was|were|will|to|has|have|had|can|could|may|says?|said|gets?|got|sees?|gives?|tells?|goes|takes?|makes?
        |(?:acquire|add|agree|announce|approve|ask|beat|begin|boost|buy|climb|close|confirm|crush|cut|deliver|disclose|double|drop|end
        |exceed|expand|expect|face|fall|file|fire|forecast|gain|guide|halt|hike|hint|hire|hit|invest|join|jump|launch|lead|lift
        |lose|lower|miss|move|name|open|outline|plan|pledge|plunge|post|pull|raise|rally|recall|reject|release|report|resign|reveal
        |rise|sell|settle|show|shut|sign|signal|sink|slash|slide|slip|slump|soar|spark|start|step|stop|submit|sue|surge|swing
        |tap|tease|top|touch|trim|triple|tumble|unveil|warn|win)(?:s|es|ed|d)
        |beat|cut|fell|hit|lost|rose|won|sold|led
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
# ... but where the shares of one move on a deal, the other is only its cause.
_MOVE = re.compile(
    r"\b(?:jump|surge|soar|rise|gain|climb|rall(?:y|ie)|pop|leap|fall|drop|sink|slide|slip|tumble|plunge)s?\b",
    re.IGNORECASE,
)
# Its shares follow the name: something is reported of them.
_ITS_STOCK = re.compile(r"(?:['’]s?)?\s(?:stock|shares|shareholders|investors)\b", re.IGNORECASE)

# The head of a title in which somebody who is no known company does something: "Trellus Health Extends".
_UNKNOWN_ACTOR = re.compile(
    r"""^(?:[\w\s]{0,20}:\s)?(?:(?:[A-Z][\w.&’'+-]*|&|of|and|the|21\w+),?\s){1,7}?(?i:
        extends?|launch(?:es|ed)|announces?|appoints?|hires?|joins?|partners?|teams?\sup|expands?|selects?|integrates?|unveils?
        |introduces?|enhances?|deepens?|accelerates?|orders?|bets?|helps?|celebrates?|welcomes?|completes?|signs?|secures?|wins?
        |receives?|adds?|deploys?|achieves?|earns?|brings?|offers?|opens?|awarded|named|recognized|approved|files?|inks?
        |collaborates?|advances?|strengthens?|scales?|builds?|converts?|exercises?|raises?|reports?|chooses?|taps?|turns?
        |delivers?|sweeps?|names?|becomes?|debuts?|rolls?\sout|picks|gets?|takes?|drops?|releases?|supports?|demonstrates?
        |to\s(?:present|participate|add|buy|acquire|host|join|offer|launch|build|deploy|use|work|supply|sign|speak|showcase)
    )\b""",
    re.VERBOSE,
)
# First words of those who are no companies: a company behind them is what the title is about.
_NO_COMPANY = re.compile(
    r"""^["“'‘*]?(?:
        the|a|an|this|these|that|those|my|our|i|we|you|why|how|what|what['’]s|when|where|who|which|is|are|was|were|should|will
        |can|could|would|does|did|do|has|have|had|if|it|it['’]s|its|here['’]?s?|there|one|two|three|four|five|\d+|more|most|many
        |top|best|new|big|after|as|amid|despite|with|for|from|in|on|at|by|to|up|down|and|but|not|no|don['’]t|never|just|even
        |jim|cathie|warren|bill|elon|mark|gary|dan|tim|steve|michael|trump\w*|biden|musk|buffett|cramer|obamas?|zuckerberg
        |president|senat\w+|lawmakers?|democrat\w*|republican\w*|house|congress|white|pentagon|nato|governor|mayor|minister\w*
        |judge|court|supreme|jury|appeals|federal|regulators?|antitrust|fda|fcc|ftc|sec|doj|faa|nhtsa|epa|irs|cms|eu|european
        |britain|british|uk|us|u\.s\.?|america\w*|china\w*|chinese|india\w*|japan\w*|german\w*|french|france|italian|italy|dutch
        |swiss|korea\w*|south|north|east|west|australia\w*|canad\w+|brazil\w*|mexic\w+|egypt\w*|bangladesh\w*|ethiopia\w*|israel\w*
        |russia\w*|venezuela\w*|saudi|california\w*|texas|florida|maryland|new\syork|state|attorney|atty|ag|union\w*|workers|employees
        |analysts?|investors?|traders?|shareholders?|brokers?|hedge|funds?|etfs?|wall|stocks?|shares?|markets?|options?|bulls?|bears?
        |dow|s&p|nasdaq|index\w*|futures|oil|gas|gold|bitcoin|crypto|ai|tech|chip\w*|semiconductor\w*|quantum|cloud|data|software
        |consumers?|customers?|users?|drivers?|patients?|doctors?|students?|people|survey|report\w*|study|exclusive|update\w*
        |breaking|opinion|analysis|prediction|could|billionaire\w*|insider\w*|live|watch|earnings|ceo|cfo|former|ex-\w+|\$.*
    )(?:\b|\s|$)""",
    re.IGNORECASE | re.VERBOSE,
)
# An order for its goods, a suit against it, or a purchase of its shares is news about the company.
_TO_ITS_ACCOUNT = re.compile(
    r"\b(?:orders?|ordered|buy(?:s|ing)?|purchas\w+|options?|aircraft|jets|airplanes|planes|lawsuits?|suit|sues|sued|complaint"
    r"|against|claims?|accus\w+|alleg\w+|fin(?:es|ed)|award\w*\s(?:contract|deal)|stake|shares|shareholders|switch\w*|ditch\w*)\b",
    re.IGNORECASE,
)
# What is bought for the fleet, the network or the shelf.
_PURCHASE = re.compile(r"\b(?:orders?|ordered|aircraft|jets|planes|airplanes|purchas\w+|to\sbuy)\b", re.IGNORECASE)
# A verdict of a broker, in words that stand apart from its name: "names UnitedHealth to conviction list".
_VERDICT = re.compile(
    r"\b(?:price\stargets?|targets?|PTs?|ratings?|upgrades?|downgrades?|conviction|valuation|overweight|underweight|outperform"
    r"|underperform|neutral|coverage|forecasts?|top\spicks?|best\sideas?|stock|shares)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
# "the battle with Lilly heats up": not Lilly does.
_PREPOSITION_LAST = re.compile(r"\b(?:against|at|by|from|to|via|with)\s(?:the\s)?$", re.IGNORECASE)
# "scaling Amazon's fleet": the subject of the part before acts.
_PARTICIPLE = re.compile(r"\w{2,}ing\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Part:
    """A statement of a title, and the companies that it names, in order."""

    start: int
    end: int
    spans: tuple[MentionSpan, ...]


def assign_roles(
    text: str,
    spans: Sequence[MentionSpan],
    brokers: Set[str],
    *,
    parts: Sequence[Span] | None = None,
    cashtags: int = 0,
) -> dict[str, Role]:
    """Return the role of each company that a title names.

    Args:
        text: The title, without its publisher's suffix.
        spans: Where it names companies, watched or not, in order, none overlapping.
        brokers: Companies that rate and forecast others.
        parts: The same as `cut_parts` returns them, where they are known.
        cashtags: Number of symbols that the title is filed under.
    """
    # A publisher's page of the company: "BOEING CO : RBC keeps its Buy rating".
    filed_under = _FILED_UNDER.match(text, spans[0].end) if spans else None
    if filed_under:
        return _roles_where_filed_under(text, spans, brokers, filed_under.end())

    symbols = {span.symbol for span in spans}
    if max(len(symbols), cashtags) >= _MINIMUM_LIST_SIZE or _is_list(text, spans):
        return dict.fromkeys(symbols, Role.MENTIONED)
    return _Title(text, spans, brokers).roles(cut_parts(text, spans) if parts is None else parts)


def _roles_where_filed_under(
    text: str,
    spans: Sequence[MentionSpan],
    brokers: Set[str],
    title_start: int,
) -> dict[str, Role]:
    """The roles in a title that a publisher filed under its first company; the title itself starts there."""
    title = text[title_start:]
    shifted = [MentionSpan(span.symbol, span.start - title_start, span.end - title_start) for span in spans[1:]]
    shifted = [span for span in shifted if span.start >= 0]
    roles = assign_roles(title, shifted, brokers) if shifted else {}
    company = spans[0].symbol
    if company not in roles:
        # It is the subject that the title leaves out, unless somebody else stands there.
        acts_first = shifted and shifted[0].symbol not in brokers and not _WORD.search(title[: shifted[0].start])
        roles[company] = Role.MENTIONED if acts_first or _has_unknown_actor(title) else Role.SUBJECT
    return roles


def _is_list(text: str, spans: Sequence[MentionSpan]) -> bool:
    """Whether a title only lists the companies that it names."""
    # Half of the titles hold none of the words, which is soon found out.
    lower_case = text.lower()
    has_list_word = any(word in lower_case for word in _LIST_WORDS)
    match = _LIST_TITLE.search(text) if has_list_word else None
    if match:
        # "Lilly is among the best stocks to buy" is about the one company that stands before, "TCS, Infosys big losers"
        # about all of them.
        before = {span.symbol for span in spans if span.start < match.start()}
        is_predicate = len(before) == 1 or match.group().lower().endswith(("gainers", "losers"))
        return not (match["behind"] and before and is_predicate)
    return len(spans) > 1 and _AND_MORE.search(text) is not None


class _Title:
    """A title that is no list.

    Args:
        text: Its text.
        spans: Where it names companies, in order.
        brokers: Companies that rate and forecast others.
    """

    def __init__(self, text: str, spans: Sequence[MentionSpan], brokers: Set[str]) -> None:
        self._text = text
        self._spans = spans
        self._brokers = brokers
        self._companies = len({span.symbol for span in spans})
        # What the words next to each name say by themselves.
        self._fixed: dict[MentionSpan, Role] = {}
        for index, span in enumerate(spans):
            role = self._role_by_neighbours(index)
            if role:
                self._fixed[span] = role

    def roles(self, cut: Sequence[Span]) -> dict[str, Role]:
        """The role of each company: the first of `_PRECEDENCE` that one of its mentions has.

        Args:
            cut: The title's parts.
        """
        roles: dict[str, Role] = {}
        parts = self._parts(cut)
        # Somebody who is no known company may act before the first part that names one.
        has_subject = _has_unknown_actor(self._text[: parts[0].start])
        for part in parts:
            part_roles = self._part_roles(part, has_subject=has_subject)
            has_subject = has_subject or Role.SUBJECT in part_roles.values()
            for symbol, role in part_roles.items():
                earlier = roles.get(symbol, role)
                roles[symbol] = min(role, earlier, key=_PRECEDENCE.index)
        return roles

    def _parts(self, cut: Sequence[Span]) -> list[_Part]:
        """The parts that name companies."""
        parts: list[_Part] = []
        for start, end in cut:
            within = tuple(span for span in self._spans if start <= span.start < end)
            if within:
                parts.append(_Part(start, end, within))
        return parts

    def _role_by_neighbours(self, index: int) -> Role | None:
        """The role that the words directly before and after a name give the company; None where they leave it open."""
        span = self._spans[index]
        before = self._text[max(0, span.start - _NEIGHBOURHOOD) : span.start]
        after = self._text[span.end :]

        # The company that a broker rates: "Wells Fargo maintains overweight on Goldman Sachs".
        is_behind_broker = any(self._fixed.get(other) is Role.BROKER for other in self._spans[:index])
        if is_behind_broker and _RATED_BEFORE.search(before):
            return Role.SUBJECT

        # The host of a conference, a former employer.
        is_host = _HOSTS.match(after) and _HOSTED_AT.search(before)
        if is_host or _FORMERLY.search(before):
            return Role.MENTIONED

        # Who rates, forecasts or is quoted.
        if span.symbol in self._brokers and self._is_source(before, after):
            return Role.BROKER
        comments_on_economy = before and _SAYS_LAST.match(after) and _MACRO.search(self._text, 0, span.start)
        if comments_on_economy or (_RATED_AT.search(before) and _ENDS.match(after)):
            return Role.BROKER

        # A rival, a partner, a former employer, a model of somebody else.
        if _NICKNAME.match(after) and _NICKNAME_BEFORE.search(before):
            return Role.MENTIONED
        if _BYSTANDER_BEFORE.search(before) or _SOLD_AT.search(before) or _COMPOUND_AFTER.match(after):
            return Role.MENTIONED
        # "like Meta and Alphabet".
        previous = self._spans[index - 1] if index else None
        is_listed = previous and LIST_SEPARATOR.match(self._text[previous.end : span.start])
        if previous and is_listed and self._fixed.get(previous) is Role.MENTIONED:
            return Role.MENTIONED
        following = self._spans[index + 1 : index + 2]
        if following and _OF_ITS_HEAD.match(self._text[span.end : following[0].start]):
            return Role.MENTIONED
        bystander = _BYSTANDER_AFTER.match(after)
        if bystander:
            if _NAME_NEXT.match(after[bystander.end() :]):
                return Role.MENTIONED
            # "Visa launches PayPal competitor".
            if index and _RIVAL_AFTER.match(after):
                return Role.AFFECTED
        return None

    def _is_source(self, before: str, after: str) -> bool:
        """Whether a bank or an agency only rates, forecasts or comments."""
        if self._companies > 1 and _RATING_NOUN.match(after):
            return True
        if _SAYS_LAST.match(after) and before:
            return True
        if _OPINES.match(after) and not _OWN_STATEMENT.search(after):
            return True
        if _RATES.match(after):
            return True
        if _RATED_BY.search(before):
            return True
        return _ATTRIBUTED_TO.search(before) is not None and _ENDS.match(after) is not None

    def _part_roles(self, part: _Part, *, has_subject: bool) -> dict[str, Role]:
        """The roles of the companies that one part of the title names.

        Args:
            part: The part.
            has_subject: A part before has a company as its subject.
        """
        roles: dict[str, Role] = {}
        for span in part.spans:
            role = self._fixed.get(span)
            if role:
                earlier = roles.get(span.symbol, role)
                roles[span.symbol] = min(role, earlier, key=_PRECEDENCE.index)
        open_spans: list[MentionSpan] = []
        for span in part.spans:
            if span.symbol in roles:
                continue
            if span.symbol in self._brokers and self._is_listed_with_broker(part, span):
                roles[span.symbol] = Role.BROKER
            else:
                open_spans.append(span)
        if not open_spans:
            return roles

        # Behind a broker that gives a verdict stands the company that it rates.
        lead = open_spans[0]
        has_broker_before = any(self._fixed.get(span) is Role.BROKER and span.start < lead.start for span in part.spans)

        # The index moves, the companies are only named with it.
        head = self._text[part.start : lead.start]
        if _INDEX_MOVE.match(head):
            return roles | {span.symbol: Role.MENTIONED for span in open_spans}

        # Somebody who is no known company acts, or an earlier part has its own subject: the companies come behind.
        # A symbol in brackets is that of the company before it.
        is_own_symbol = self._text[lead.start] in "(["
        is_office = _ITS_OFFICE.match(self._text, lead.end)
        is_acted_on = not (has_broker_before or is_own_symbol or is_office) and _has_unknown_actor(head)
        is_far = (
            len(_WORD.findall(head)) > _MAXIMUM_WORDS_BEFORE_LATER_SUBJECT
            or _PARTICIPLE.match(head)
            or _PREPOSITION_LAST.search(head)
            or _VERB.search(head)
        )
        is_follow_up = has_subject and bool(is_far)
        if is_acted_on or is_follow_up:
            for span in open_spans:
                roles[span.symbol] = self._object_role(part.start, span, is_follow_up=is_follow_up)
            return roles

        # A cause without a verb states nothing of its own.
        is_cause = has_subject and _CAUSE.search(self._text[: part.start])
        if is_cause and not _VERB.search(self._text, lead.end, part.end):
            role = Role.AFFECTED if _PURCHASE.search(self._text) else Role.MENTIONED
            return roles | {span.symbol: role for span in open_spans}

        # The first company, and those listed or compared with it.
        subjects = [lead]
        for previous, span in pairwise(open_spans):
            gap = self._text[previous.end : span.start]
            if previous is not subjects[-1] or not (LIST_SEPARATOR.match(gap) or _COMPARED.match(gap)):
                break
            subjects.append(span)
        for span in subjects:
            roles[span.symbol] = Role.SUBJECT

        # A broker in front gives a verdict on the company behind.
        behind = [span for span in open_spans[len(subjects) :] if span.symbol not in roles]
        are_brokers = all(span.symbol in self._brokers for span in subjects)
        if behind and are_brokers and _VERDICT.search(self._text, subjects[-1].end):
            roles |= {span.symbol: Role.BROKER for span in subjects}
            roles[behind[0].symbol] = Role.SUBJECT

        # Those behind: partners of a deal, affected, or only there.
        for span in behind:
            if span.symbol not in roles:
                roles[span.symbol] = self._role_behind(subjects[-1], span)
        return roles

    def _is_listed_with_broker(self, part: _Part, span: MentionSpan) -> bool:
        """Whether a bank stands in one list with one that rates: "Baird and Bank of America raise targets"."""
        for left, right in pairwise(part.spans):
            if LIST_SEPARATOR.match(self._text[left.end : right.start]):
                other = right if left is span else left
                if span in {left, right} and self._fixed.get(other) is Role.BROKER:
                    return True
        return False

    def _role_behind(self, subject: MentionSpan, span: MentionSpan) -> Role:
        """The role of a company that is named behind the subject of its part."""
        gap = self._text[subject.end : span.start]
        if _DEAL.search(gap) and not _MOVE.search(gap):
            return Role.SUBJECT
        if _ITS_STOCK.match(self._text, span.end):
            return Role.AFFECTED
        if _CONSEQUENCE.search(gap) and not _ONLY_THERE.search(gap):
            return Role.AFFECTED
        if span.symbol in self._brokers and _VERDICT.search(self._text, subject.end):
            return Role.BROKER
        return Role.MENTIONED

    def _object_role(self, start: int, span: MentionSpan, *, is_follow_up: bool) -> Role:
        """The role of a company that somebody else acts on, in a part that starts there."""
        gap = self._text[start : span.start]
        if _TRADES_IN.search(gap):
            return Role.SUBJECT
        if (
            _PURCHASE.search(self._text)
            or _TO_ITS_ACCOUNT.search(self._text, start)
            or _ITS_STOCK.match(self._text, span.end)
        ):
            return Role.AFFECTED
        if is_follow_up and _CONSEQUENCE.search(gap) and not _ONLY_THERE.search(gap):
            return Role.AFFECTED
        return Role.MENTIONED


def _has_unknown_actor(head: str) -> bool:
    """Whether the words before the first company are somebody else's action."""
    if _NO_COMPANY.match(head):
        return False
    return _UNKNOWN_ACTOR.match(head) is not None

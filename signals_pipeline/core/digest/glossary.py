"""The readers' glossary: what the words of a digest mean, in plain English.

Pages and mails link to these terms. The words of code and documentation are in `docs/glossary.md`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A word that a digest, a page or a mail uses.

    Attributes:
        word: As readers see it.
        meaning: One or more sentences, without a reference to settings or commands.
        anchor: Its place on the glossary page; part of links in mails that were sent, so it never changes.
    """

    word: str
    meaning: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Topic:
    """Terms that belong together.

    Attributes:
        title: Heading above them.
        terms: In the order in which they build on each other.
    """

    title: str
    terms: tuple[Term, ...]


GLOSSARY = (
    Topic(
        "Signals",
        (
            Term(
                "Signal",
                "A BUY or a SELL of one company, decided when a digest is made. BUY expects the shares to do better"
                " than the market over the following days, SELL expects them to do worse. It is not investment advice.",
                "signal",
            ),
            Term(
                "Active, expired",
                "A signal is active until it expires, seven days after it was decided unless the digest says otherwise,"
                " or until a new signal of the same company replaces it.",
                "active",
            ),
            Term(
                "Lifecycle: new, stronger, flipped",
                "How a signal relates to the one that was active for its company. New: there was none. Stronger: same"
                " direction, with a clearly larger score on fresh news. Flipped: the opposite direction. A signal that"
                " would only repeat the active one is not sent again.",
                "lifecycle",
            ),
            Term(
                "Near miss",
                "A company that met every condition for a signal but one. The digest says which one.",
                "near-miss",
            ),
            Term(
                "Single story",
                "The signal rests on one story. Without it there would be no signal, so read that story first.",
                "single-story",
            ),
            Term(
                "Correction",
                "A headline behind an active signal was edited or withdrawn. The digest shows what remains of the"
                " score.",
                "correction",
            ),
            Term(
                "Cool-down",
                "A company's signal may flip only once within a few days, unless the new score is larger than the old"
                " one. This keeps a signal from swinging back and forth.",
                "cool-down",
            ),
        ),
    ),
    Topic(
        "Scores",
        (
            Term(
                "Combined score",
                "The number behind a signal, from −1 to +1: the tone of the news and the technical score, weighted and"
                " added. A signal needs a minimum score; its sign is the direction.",
                "combined-score",
            ),
            Term(
                "Contribution",
                "What one story or one technical indicator adds to the combined score. All contributions add up to it.",
                "contribution",
            ),
            Term(
                "Tone",
                "What the news says about a company, from −1 (bad) to +1 (good). Newer, more certain and more relevant"
                " headlines count for more. A single fresh story can reach about two thirds of its own tone.",
                "tone",
            ),
            Term(
                "Tone confidence",
                "How sure the language model is of a headline's tone, from 0 to 1. It is not the probability of a"
                " profit.",
                "tone-confidence",
            ),
            Term(
                "Relevance",
                "What a headline counts for a company: fully if the company is its subject, half if it is affected, not"
                " at all if it is only mentioned.",
                "relevance",
            ),
            Term(
                "Novelty",
                "The first report of a story counts in full, the second half as much, the third a quarter, and so on.",
                "novelty",
            ),
            Term(
                "Recency",
                "Headlines count for less as they age. Hours in which the market is closed age them more slowly.",
                "recency",
            ),
        ),
    ),
    Topic(
        "News",
        (
            Term(
                "Story",
                "Headlines of one company that report the same event. However many there are, they count as one story.",
                "story",
            ),
            Term(
                "Event type",
                "What a headline reports: results, guidance, analyst rating, deal, legal, product or contract, capital,"
                " people, price move, opinion, macro or other news. Price recaps, opinion pieces and macro news have no"
                " tone of their own.",
                "event-type",
            ),
            Term(
                "Without it",
                "The score that would remain if the story had not been published, and whether there would still be a"
                " signal.",
                "without-it",
            ),
            Term(
                "Degraded",
                "A digest that may have missed news, because a source failed or some minutes are not covered. Its"
                " subject and its first lines say so.",
                "degraded",
            ),
        ),
    ),
    Topic(
        "Prices",
        (
            Term(
                "Technical score",
                "Where the price stands, from −1 to +1, from five indicators: RSI, MACD, trend, 5-day return and"
                " volume.",
                "technical-score",
            ),
            Term(
                "RSI",
                "Relative strength index, from 0 to 100: how much of the last 14 sessions' movement was upward. Above"
                " 70 is usually called overbought, below 30 oversold.",
                "rsi",
            ),
            Term(
                "MACD",
                "Moving average convergence/divergence: whether the short-term trend is pulling away from the longer"
                " one. Shown in average true ranges.",
                "macd",
            ),
            Term(
                "Trend",
                "How far the price is above or below its averages of the last 20, 50 and 200 sessions, in average true"
                " ranges.",
                "trend",
            ),
            Term(
                "5-day return, volume",
                "The return of the last five sessions and the last session's volume, each compared with what is usual"
                " for the share. σ is one standard deviation.",
                "momentum",
            ),
            Term(
                "ATR",
                "Average true range: how far the price typically moves in a day, over the last 14 sessions. A move of"
                " +2.0 ATR is twice that distance.",
                "atr",
            ),
            Term(
                "Move since the headline",
                "The change from the last close before the leading headline to the last close before the decision. From"
                " one ATR in the signal's direction on, the price has already moved.",
                "move",
            ),
            Term(
                "Traded price",
                "The price that was paid, adjusted for splits only, as quotes show it. Returns also count dividends, so"
                " they can differ slightly from the change between two traded prices.",
                "traded-price",
            ),
        ),
    ),
    Topic(
        "Track record",
        (
            Term(
                "Outcome",
                "What became of a signal after 1, 3, 5 and 10 sessions, from the first open after the decision to the"
                " close of the last session. Trading costs are not deducted.",
                "outcome",
            ),
            Term(
                "Gained or lost against the market",
                "The return in the signal's direction minus that of the benchmark. A SELL gains when the shares fall"
                " further than the market.",
                "against-the-market",
            ),
            Term(
                "Hit, miss",
                "A signal is a hit if it gained against the market, otherwise a miss.",
                "hit",
            ),
            Term(
                "Base rate",
                "The share of all followed companies that would have been a hit over the same sessions in the same"
                " direction. A hit rate is only worth something above its base rate.",
                "base-rate",
            ),
            Term(
                "95% interval",
                "The hit rates that the outcomes so far are compatible with; the fewer there are, the wider it is."
                " Signals of the same session share its market move, so sessions are counted rather than signals.",
                "interval",
            ),
            Term(
                "Too few to judge",
                "With fewer than 30 outcomes a hit rate says little, so none is shown.",
                "too-few",
            ),
            Term(
                "Live, caught up, backfilled",
                "Live: decided and sent on time. Caught up: decided later, after an outage. Backfilled: worked out for"
                " the past from recorded data. Live and backfilled results are never added up.",
                "live",
            ),
            Term(
                "Rank correlation",
                "Whether companies with larger scores had better returns, from −1 to +1; 0 means that there is no"
                " connection.",
                "rank-correlation",
            ),
            Term(
                "Revision",
                "A later decision for a digest that had already been sent. What was sent stays as it was.",
                "revision",
            ),
        ),
    ),
)
"""Every term, by topic."""

ANCHORS = frozenset(term.anchor for topic in GLOSSARY for term in topic.terms)
"""Where a link may lead."""

"""The event types of headlines: what happened, in one of twelve words.

A module of its own, because the fields of a signal and the database's tables are declared without pandas. Which type a
headline has is decided in `sentiment.events`; a signal's type is that of its leading story.
"""

from enum import StrEnum


class EventType(StrEnum):
    """Type of the event that a headline reports of a company."""

    RESULTS = "results"
    """Reported or previewed figures of a period: earnings, sales, deliveries, subscribers."""

    GUIDANCE = "guidance"
    """The company's own outlook, forecast, targets or warning."""

    RATING = "rating"
    """An analyst's or a rating agency's action: upgrade, price target, initiation, credit rating, reiteration."""

    MNA = "mna"
    """Acquisitions, mergers, stakes, divestitures, spin-offs, joint ventures, and talk of them."""

    LEGAL = "legal"
    """Suits, fines, probes, regulation aimed at the company, antitrust, patents, recalls, approval of deals."""

    PRODUCT = "product"
    """Launches, contracts, orders, partnerships, drugs and trials, plants, outages, strikes, safety incidents."""

    CAPITAL = "capital"
    """Buybacks, dividends, splits, offerings, debt, capital expenditure, index changes, insiders' and funds' trades."""

    PEOPLE = "people"
    """Executives, board, layoffs, hiring, unions, pay."""

    PRICE = "price"
    """A recap of the share's move or trading, without a concrete cause."""

    OPINION = "opinion"
    """Valuation pieces, lists, stock picks, comparisons, promotions, predictions, questions, features."""

    MACRO = "macro"
    """Economy, central banks, commodities, a sector or the market as a whole, politics."""

    OTHER = "other"
    """Anything else about the company."""


# In the order of the classifier's outputs.
EVENT_TYPES: tuple[EventType, ...] = tuple(EventType)

# These restate what the technical score holds already, or report nothing that happened.
EVENTS_WITHOUT_TONE = (EventType.PRICE, EventType.OPINION, EventType.MACRO)

# The default of TONE_EVENTS.
TONE_EVENTS: tuple[EventType, ...] = tuple(event for event in EVENT_TYPES if event not in EVENTS_WITHOUT_TONE)

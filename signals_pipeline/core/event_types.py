"""The event types of headlines: what happened, in one of twelve words.

The order is that of the classifier's outputs and of every table. Which type a headline has is decided in
`sentiment.events`; a signal's type is that of its leading story.
"""

from typing import Literal, get_args

EventType = Literal[
    # Reported or previewed figures of a past period.
    "results",
    # The company's own outlook, forecast or warning.
    "guidance",
    # What an analyst or a rating agency did.
    "rating",
    # Mergers, acquisitions, stakes, spin-offs.
    "mna",
    # Suits, fines, probes, regulation aimed at the company.
    "legal",
    # Launches, contracts, customers, trials, plants, outages.
    "product",
    # Buybacks, dividends, offerings, debt, transactions in the stock.
    "capital",
    # Executives, layoffs, hiring, unions, pay.
    "people",
    # A recap of the stock's move or trading.
    "price",
    # Valuation pieces, lists, comparisons, promotions, questions.
    "opinion",
    # The economy, a sector, politics without the company as target.
    "macro",
    # Anything else about the company.
    "other",
]

EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)

# These restate what the technical score holds already, or report nothing that happened.
EVENTS_WITHOUT_TONE: tuple[EventType, ...] = ("price", "opinion", "macro")

# The default of TONE_EVENTS.
TONE_EVENTS: tuple[EventType, ...] = tuple(event for event in EVENT_TYPES if event not in EVENTS_WITHOUT_TONE)

# Display names of the event types for readers.
EVENT_NAMES: dict[EventType, str] = {
    "results": "results",
    "guidance": "guidance",
    "rating": "analyst rating",
    "mna": "M&A",
    "legal": "legal",
    "product": "product or contract",
    "capital": "capital",
    "people": "people",
    "price": "price move",
    "opinion": "opinion",
    "macro": "macro",
    "other": "other news",
}

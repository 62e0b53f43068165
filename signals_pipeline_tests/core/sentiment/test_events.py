"""Event types of headlines and what rating actions do; all titles are written for these tests."""

import time

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.event_types import EVENT_TYPES, EventType
from signals_pipeline.core.sentiment import events
from signals_pipeline.core.sentiment.events import (
    RatingAction,
    RatingChange,
    RatingView,
    TargetChange,
    assign_events,
    event_of_sec_items,
    rating_action,
    rule_event,
)

# By type; the company is Acme throughout.
TITLES: dict[EventType, tuple[str, ...]] = {
    EventType.RESULTS: (
        "Acme Q3 earnings beat estimates on strong demand",
        "Acme profit falls 12% in third quarter",
        "Acme reports record quarterly revenue",
        "Acme misses Wall Street's expectations for sales",
        "Acme swings to loss",
        "Earnings Preview: Acme (ACME) Q1 Earnings Expected to Decline",
        "Acme, Inc. (ACME) Q2 2026 Earnings Call Transcript",
        "Acme shares tumble after Q1 earnings miss",
        "Acme delivered 96,000 vehicles in March",
    ),
    EventType.GUIDANCE: (
        "Acme raises full-year outlook",
        "Acme cuts 2026 profit forecast",
        "Acme issues profit warning",
        "Acme shares plunge as guidance disappoints",
        "Acme sees Q2 revenue above estimates",
    ),
    EventType.RATING: (
        "Acme upgraded to Buy at Jefferies",
        "Wedbush Maintains Outperform on Acme, Lowers Price Target to $90",
        "ACME CORP : UBS keeps its Buy rating",
        "Jefferies initiates coverage of Acme with a Hold rating",
        "Moody's cuts Acme's outlook to negative",
        "Acme: The Price Is Too High Now (Rating Downgrade)",
        "Mizuho is bullish on Acme",
    ),
    EventType.MNA: (
        "Acme to acquire Globex for $3 billion",
        "Globex rejects takeover offer from Acme",
        "Acme completes spin-off of its paint business",
        "Acme explores sale of its lighting unit",
        "Acme and Globex form joint venture",
    ),
    EventType.LEGAL: (
        "Acme sued over faulty brakes",
        "EU fines Acme 400 million euros in antitrust case",
        "Acme to recall 200,000 cars",
        "Judge dismisses lawsuit against Acme",
        "Regulators open probe into Acme",
    ),
    EventType.PRODUCT: (
        "Acme unveils new battery",
        "Acme wins $2 billion contract from the navy",
        "FDA approves Acme's cancer drug",
        "Acme and Globex announce partnership",
        "Acme hit by widespread outage",
        "Workers go on strike at Acme plant",
    ),
    EventType.CAPITAL: (
        "Acme raises quarterly dividend by 5%",
        "Acme announces $10 billion buyback",
        "Acme prices $2 billion senior notes",
        "Acme insider selling picks up",
        "Larch Capital Management sells 12,300 shares of Acme",
        "Acme to join S&P 500",
    ),
    EventType.PEOPLE: (
        "Acme names Jane Roe chief financial officer",
        "Acme CEO steps down",
        "Acme to cut 1,200 jobs",
        "Acme layoffs hit its design team",
        "Acme appoints new chairman",
    ),
    EventType.PRICE: (
        "Acme shares rise 3%",
        "Why Acme Stock Is Down Today",
        "Acme (ACME) Outperforms Broader Market: What You Need to Know",
        "Acme sees unusual options activity",
        "Acme hits 52-week high",
        "Acme stock forms golden cross",
    ),
    EventType.OPINION: (
        "Should You Buy Acme Stock Now?",
        "3 Stocks to Buy and Hold Forever: Acme, Globex and Initech",
        "Acme vs. Globex: Which Is the Better Buy?",
        "Jim Cramer Says Acme Is Misunderstood",
        "Prediction: Acme Will Be Worth More Than Globex by 2030",
        "Is Acme Still a Buy After Its Big Run?",
        "2 Reasons to Own Acme",
        "Assessing Acme (ACME) Valuation After a Strong Year",
        "Acme: 1 Dividend Stock for Patient Investors",
    ),
    EventType.MACRO: (
        "Dow Jones Futures: Stocks Slip Ahead of Jobs Report",
        "US Equity Indexes Mixed as Oil Rises",
        "Sector Update: Tech Stocks Edge Higher",
        "Fed holds interest rates steady",
    ),
    EventType.OTHER: ("Acme marks fifty years in business with annual meeting of former staff",),
}
CASES = [(event, title) for event, titles in TITLES.items() for title in titles]
NAMED_CASES = [(event, title) for event, title in CASES if "Acme" in title]


def span_of(title: str, name: str = "Acme") -> tuple[int, int] | None:
    start = title.find(name)
    return (start, start + len(name)) if start >= 0 else None


@pytest.mark.parametrize(("event", "title"), CASES, ids=[title for _, title in CASES])
def test_a_title_of_a_kind_has_its_type(event: EventType, title: str) -> None:
    assert rule_event(title) == event


@pytest.mark.parametrize(("event", "title"), NAMED_CASES, ids=[title for _, title in NAMED_CASES])
def test_the_type_does_not_depend_on_whether_the_name_is_marked(event: EventType, title: str) -> None:
    assert rule_event(title, span_of(title)) == event


@given(
    case=st.sampled_from(NAMED_CASES), name=st.sampled_from(["Target", "Discover", "Best Buy", "Deere", "3M", "Visa"])
)
def test_another_name_has_the_same_type_even_where_it_is_a_word_of_a_rule(
    case: tuple[EventType, str], name: str
) -> None:
    _, title = case
    renamed = title.replace("Acme", name)

    assert rule_event(renamed, span_of(renamed, name)) == rule_event(title, span_of(title))


@given(case=st.sampled_from(CASES), publisher=st.sampled_from([" - Reuters", " | Barron's", " - Yahoo Finance"]))
def test_a_publisher_after_the_title_does_not_change_the_type(case: tuple[EventType, str], publisher: str) -> None:
    event, title = case

    assert rule_event(title + publisher) == event


@given(case=st.sampled_from(CASES), change=st.sampled_from([str.upper, str.lower, str.title]))
def test_upper_and_lower_case_do_not_change_the_type(case: tuple[EventType, str], change: type) -> None:
    event, title = case

    assert rule_event(change(title)) == event


@given(case=st.sampled_from(NAMED_CASES), digit=st.sampled_from("123456789"))
def test_other_amounts_have_the_same_type(case: tuple[EventType, str], digit: str) -> None:
    event, title = case
    # Amounts only: quarters, years and the index's name are words.
    words = [
        digit + word[1:] if word.startswith(tuple("123456789")) and "," in word else word for word in title.split()
    ]

    assert rule_event(" ".join(words)) == event


@pytest.mark.parametrize(
    ("title", "event"),
    [
        ("Acme falls 5% after cutting guidance", EventType.GUIDANCE),
        ("Acme shares jump on takeover offer", EventType.MNA),
        ("Acme stock slides after CEO resigns", EventType.PEOPLE),
        ("Acme shares rise 2% on Monday", EventType.PRICE),
    ],
)
def test_a_move_with_its_cause_has_the_type_of_the_cause(title: str, event: EventType) -> None:
    assert rule_event(title) == event


def test_no_rule_decides_on_a_move_whose_cause_it_does_not_know() -> None:
    assert rule_event("Acme shares drop after mysterious glow over its headquarters") is None


@pytest.mark.parametrize(
    ("title", "event"),
    [
        ("Acme beats Q1 estimates, raises guidance", EventType.RESULTS),
        ("Acme raises full-year guidance after Q1 beat", EventType.GUIDANCE),
        ("Acme to cut 500 jobs as quarterly profit falls", EventType.PEOPLE),
    ],
)
def test_of_several_events_the_first_one_stated_counts(title: str, event: EventType) -> None:
    assert rule_event(title) == event


def test_a_fact_before_a_question_is_the_event_but_advice_is_opinion() -> None:
    assert rule_event("Acme names new CEO. What does that mean?") == EventType.PEOPLE
    assert rule_event("Acme names new CEO. Should you buy the stock?") == EventType.OPINION


def test_the_market_is_not_the_event_of_a_company_that_is_reported_on() -> None:
    title = "Dow Jones futures rise; Acme names new CEO"

    assert rule_event(title) == EventType.MACRO
    assert rule_event(title, span_of(title), role="subject") == EventType.PEOPLE


def test_a_broker_that_comments_is_marked_by_its_role() -> None:
    title = "Acme reiterates Buy rating on Globex"

    assert rule_event(title, span_of(title), role="broker") == EventType.RATING
    assert rule_event("Acme points to tight supply at Globex", (0, 4), role="broker") == EventType.RATING
    assert rule_event("Acme points to tight supply at Globex", (0, 4), role="subject") is None


def test_an_opinion_publisher_decides_where_no_rule_does() -> None:
    title = "Acme: Azure doing the heavy lifting"

    assert rule_event(title) is None
    assert rule_event(title, source="SeekingAlpha") == EventType.OPINION


def test_an_empty_text_has_no_type() -> None:
    assert rule_event("") is None
    assert rule_event("…", None) is None


@given(st.text())
def test_any_text_has_a_type_or_none(text: str) -> None:
    assert rule_event(text) in {*EVENT_TYPES, None}


def test_no_pattern_is_passed_over_by_its_stems() -> None:
    # Where a pattern matches, one of its stems must begin a word of the text.
    patterns = events._compiled_patterns()  # noqa: SLF001
    passed_over = []
    for _, title in CASES:
        text = events._comparable_text(title, None, "")  # noqa: SLF001
        candidates = 0
        for word in events._WORD.findall(text):  # noqa: SLF001
            candidates |= events._candidates(word)  # noqa: SLF001
        for position, pattern in enumerate(patterns):
            if pattern.expression.search(text) and not candidates >> position & 1:
                passed_over.append((title, pattern.expression.pattern))

    assert passed_over == []


def test_the_types_are_in_the_order_of_the_classifiers_outputs() -> None:
    assert [event.value for event in EVENT_TYPES] == [
        "results",
        "guidance",
        "rating",
        "mna",
        "legal",
        "product",
        "capital",
        "people",
        "price",
        "opinion",
        "macro",
        "other",
    ]


# Filings.


@pytest.mark.parametrize(
    ("items", "event"),
    [
        (["2.02", "9.01"], EventType.RESULTS),
        (["5.02"], EventType.PEOPLE),
        (["1.01", "2.03"], EventType.CAPITAL),
        (["2.01", "9.01"], EventType.MNA),
        (["7.01"], EventType.OTHER),
        (["6.66"], EventType.OTHER),
        ([], EventType.OTHER),
    ],
)
def test_the_items_of_a_filing_give_its_type(items: list[str], event: EventType) -> None:
    assert event_of_sec_items(items) == event


@given(st.lists(st.sampled_from(["1.01", "2.02", "5.02", "8.01", "9.01"])))
def test_the_order_of_items_does_not_matter(items: list[str]) -> None:
    assert event_of_sec_items(items) == event_of_sec_items(reversed(items))


@pytest.mark.parametrize(
    ("title", "event"),
    [
        ("Acme files 8-K: Results of Operations and Financial Condition; Other Events", EventType.RESULTS),
        (
            "Acme files 8-K: Departure of Directors or Certain Officers; Election of Directors",
            EventType.PEOPLE,
        ),
        ("Acme amends its 8-K: Entry into a Material Definitive Agreement", EventType.PRODUCT),
        ("Acme files 8-K: current report", EventType.OTHER),
    ],
)
def test_the_title_of_a_filing_has_the_type_of_its_items(title: str, event: EventType) -> None:
    assert rule_event(title) == event


# Rating actions.

RAISED, CUT, KEPT, INITIATED, UNRATED = (
    RatingChange.RAISED,
    RatingChange.CUT,
    RatingChange.KEPT,
    RatingChange.INITIATED,
    RatingChange.NONE,
)
UP, DOWN, SAME = TargetChange.UP, TargetChange.DOWN, TargetChange.NONE


@pytest.mark.parametrize(
    ("title", "rating", "target"),
    [
        ("Larch Securities upgrades Acme to Buy from Hold", RAISED, SAME),
        ("Acme upgraded at Larch", RAISED, SAME),
        ("Acme lifted to Outperform at Larch", RAISED, SAME),
        ("Larch moves Acme from Sell to Hold", RAISED, SAME),
        ("S&P raises Acme's credit rating", RAISED, SAME),
        ("Acme downgraded to Neutral by Larch", CUT, SAME),
        ("Larch cuts Acme to Sell", CUT, SAME),
        ("Moody's cuts Acme outlook to negative", CUT, SAME),
        ("Acme: Too Far, Too Fast (Downgrade)", CUT, SAME),
        ("Acme shares fall after downgrade", CUT, SAME),
        ("Larch downgrades Acme to Neutral, raises price target to $80", CUT, UP),
        ("Acme downgraded to Hold despite raised price target", CUT, UP),
        ("Larch maintains Overweight on Acme, lowers price target to $90", KEPT, DOWN),
        ("Larch maintains Overweight on Acme, raises price target to $120", KEPT, UP),
        ("Larch cuts price target, keeps Buy rating on Acme", KEPT, DOWN),
        ("Brokerage trims TP on Acme, keeps Buy rating", KEPT, DOWN),
        ("Larch reiterates Outperform on Acme, maintains $59 price target", KEPT, SAME),
        ("ACME : Larch keeps its Buy rating on Acme", KEPT, SAME),
        ("Fitch affirms Acme at A; outlook stable", KEPT, SAME),
        ("Acme initiated with a Buy at Larch", INITIATED, SAME),
        ("Larch starts Acme at Hold", INITIATED, SAME),
        ("Larch initiates coverage of Acme with a Sell rating", INITIATED, SAME),
        ("Larch raises Acme price target", UNRATED, UP),
        ("Larch hikes target price on Acme to 900p", UNRATED, UP),
        ("Acme price target raised to $200 from $180", UNRATED, UP),
        ("Acme price target set at $180, from $200 to $180", UNRATED, DOWN),
        ("Larch adjusts Acme price target to $90 from $100", UNRATED, DOWN),
        ("PT on Acme reduced to $130 as Larch reassesses", UNRATED, DOWN),
    ],
)
def test_what_a_rating_action_does(title: str, rating: RatingChange, target: TargetChange) -> None:
    action = rating_action(title, span_of(title))

    assert action is not None
    assert (action.rating, action.target) == (rating, target)


@pytest.mark.parametrize(
    ("title", "view"),
    [
        ("Acme named top pick at Larch", RatingView.FAVOURABLE),
        ("Larch adds Acme to its conviction list", RatingView.FAVOURABLE),
        ("Larch is bullish on Acme", RatingView.FAVOURABLE),
        ("Larch removes Acme from its conviction list", RatingView.UNFAVOURABLE),
        ("Larch turns bearish on Acme", RatingView.UNFAVOURABLE),
        ("Larch starts Acme at Underweight", RatingView.UNFAVOURABLE),
        ("Larch starts Acme at Hold", RatingView.NEUTRAL),
    ],
)
def test_how_favourable_a_view_is(title: str, view: RatingView) -> None:
    action = rating_action(title, span_of(title))

    assert action is not None
    assert action.view == view


@pytest.mark.parametrize(
    "title", ["Acme launches a coffee machine", "Acme faces possible downgrade", "Acme avoids downgrade", ""]
)
def test_a_title_without_an_action_has_none(title: str) -> None:
    assert rating_action(title, span_of(title)) is None


def test_each_of_two_rated_companies_has_its_own_action() -> None:
    title = "Larch upgrades Acme to Buy, cuts Globex to Sell"

    acme = rating_action(title, span_of(title))
    globex = rating_action(title, span_of(title, "Globex"))

    assert acme is not None
    assert globex is not None
    assert (acme.rating, globex.rating) == (RAISED, CUT)


ACTIONS = st.builds(
    RatingAction,
    rating=st.sampled_from(RatingChange),
    target=st.sampled_from(TargetChange),
    view=st.sampled_from(RatingView),
)
MIRRORED_RATING = {RAISED: CUT, CUT: RAISED}
MIRRORED_TARGET = {UP: DOWN, DOWN: UP}
MIRRORED_VIEW = {
    RatingView.FAVOURABLE: RatingView.UNFAVOURABLE,
    RatingView.UNFAVOURABLE: RatingView.FAVOURABLE,
}


def score(action: RatingAction) -> float:
    negative, _, positive = action.probabilities
    return positive - negative


@given(ACTIONS)
def test_probabilities_sum_to_one(action: RatingAction) -> None:
    assert sum(action.probabilities) == pytest.approx(1)
    assert min(action.probabilities) > 0


@given(ACTIONS)
def test_the_opposite_action_has_the_opposite_tone(action: RatingAction) -> None:
    opposite = RatingAction(
        MIRRORED_RATING.get(action.rating, action.rating),
        MIRRORED_TARGET.get(action.target, action.target),
        MIRRORED_VIEW.get(action.view, action.view),
    )

    assert score(opposite) == pytest.approx(-score(action))


@given(ACTIONS)
def test_a_higher_target_never_makes_the_tone_worse_than_a_lower_one(action: RatingAction) -> None:
    higher = RatingAction(action.rating, UP, action.view)
    lower = RatingAction(action.rating, DOWN, action.view)

    assert score(higher) >= score(lower)


def test_a_changed_rating_is_stronger_than_a_changed_target_and_a_kept_rating_is_neutral() -> None:
    raised = RatingAction(RAISED, SAME, RatingView.NONE)
    target_up = RatingAction(KEPT, UP, RatingView.FAVOURABLE)
    kept = RatingAction(KEPT, SAME, RatingView.FAVOURABLE)

    assert score(raised) > score(target_up) > score(kept) == 0


# Frames.


def frame(rows: list[tuple[str, str, str, str, str, str]]) -> pd.DataFrame:
    names = ["symbol", "title", "text", "span", "role", "source"]
    return pd.DataFrame(rows, columns=names).astype("str")


def test_rows_of_companies_have_the_type_of_their_words() -> None:
    title = "Acme names new CEO while Globex shares fall 4%"
    headlines = frame(
        [
            ("ACME", title, "Acme names new CEO", "", "subject", "Wire"),
            ("GLBX", title, title, "25-31", "mentioned", "Wire"),
            ("", title, "", "", "", "Wire"),
            ("INIT", "Initech cuts its dividend", "", "0-7", "", "Wire"),
            ("INIT", "Initech at a crossroads", "Initech at a crossroads", "", "subject", "Wire"),
        ]
    )

    result = assign_events(headlines)

    assert result["event"].tolist() == ["people", "people", "", "capital", ""]
    assert result["event"].dtype == "str"


def test_an_empty_frame_stays_empty() -> None:
    result = assign_events(frame([]))

    assert result.empty
    assert result["event"].dtype == "str"


def test_time_grows_with_rows_and_stays_below_four_seconds_per_hundred_thousand() -> None:
    # Distinct titles, so that no answer is remembered; a tenth of the rows, and thrice the time of a quiet machine.
    rows = []
    for number in range(10_000):
        _, title = CASES[number % len(CASES)]
        text = f"{title} {number}"
        rows.append(("ACME", text, text, "", "subject", "Wire"))
    headlines = frame(rows)
    assign_events(headlines.head(100))

    start = time.process_time()
    assign_events(headlines)

    assert time.process_time() - start < 3 * 0.4


def test_a_target_from_a_number_to_the_same_number_is_kept() -> None:
    action = rating_action("Citi maintains Acme at Neutral, price target from $50 to $50", None)

    assert action is not None
    assert action.target is TargetChange.NONE

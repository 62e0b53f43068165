"""A text's logits depend on that text alone and follow the labels; the shipped model is as good as its card says."""

import csv
import shutil
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import signals_pipeline
from signals_pipeline.adapters.cpus import available_cpus
from signals_pipeline.adapters.model.folder import LABELS, write_manifest
from signals_pipeline.adapters.model.inference import ScoredText, SentimentModel

COMPACT = Path(signals_pipeline.__file__).parent / "sample" / "model" / "compact"
HELD_OUT = Path(__file__).parents[2] / "data" / "sentfin_held_out.csv"
ID2LABEL = dict(enumerate(LABELS))

OBVIOUS = {
    "Profit soars to a record as sales jump 40%": "positive",
    "Shares surge after the company raises its full-year forecast": "positive",
    "Bank beats estimates and lifts its dividend": "positive",
    "Stock rallies on strong quarterly growth": "positive",
    "Retailer's earnings rise 25% on robust demand": "positive",
    "$ABCD upgraded to buy, price target raised": "positive",
    "Chipmaker wins its largest order ever, stock climbs": "positive",
    "Shares plunge after a profit warning": "negative",
    "Company files for bankruptcy as losses mount": "negative",
    "Carmaker's net loss widens on weak demand": "negative",
    "Stock tumbles 15% on fraud probe": "negative",
    "$ABCD downgraded to sell after earnings miss": "negative",
    "Lender's bad loans rise, shares sink": "negative",
    "Sales slump for the third quarter in a row": "negative",
    "Board to meet on Tuesday to consider results": "neutral",
    "Company names new chief financial officer": "neutral",
    "Annual shareholders' meeting set for May 12": "neutral",
    "Here is what to expect from the earnings call": "neutral",
    "Company to present at technology conference in Boston": "neutral",
    "Five things to know before markets open": "neutral",
}
# Tone toward each company that a headline names.
PLAIN_COMPANIES = {
    "Ford jumps 8% while GM plunges after a profit warning": {"Ford": "positive", "GM": "negative"},
    "Pepsi gains market share as Coca-Cola sales slump": {"Pepsi": "positive", "Coca-Cola": "negative"},
    "Lyft shares tumble after Uber posts record profit": {"Lyft": "negative", "Uber": "positive"},
    "Jury orders Samsung to pay Apple $500 million": {"Samsung": "negative", "Apple": "positive"},
    "Delta upgraded to buy, United cut to sell": {"Delta": "positive", "United": "negative"},
}
PLAIN_EVENTS = {
    "Intel second-quarter revenue rises 12%, earnings beat estimates": "results",
    "Nike cuts its full-year sales forecast": "guidance",
    "Barclays downgrades Ford to underweight": "rating",
    "Adobe agrees to acquire Figma for $20 billion": "mna",
    "Shareholders file class action lawsuit against Boeing": "legal",
    "FTC opens antitrust investigation into Meta": "legal",
    "Pfizer drug meets main goal in late-stage trial": "product",
    "Coca-Cola declares quarterly dividend of $0.48 per share": "capital",
    "Apple announces $90 billion share buyback": "capital",
    "Starbucks names new chief executive officer": "people",
    "Tesla shares fall 4% in early trading": "price",
    "3 dividend stocks to buy and hold forever": "opinion",
    "Fed raises interest rates by a quarter point": "macro",
    "US consumer prices rise more than expected in June": "macro",
}
EXTREME = [
    "",
    " ",
    "a" * 10_000,
    "loss " * 2_000,
    "📈🚀" * 50,
    "profit\x00warning",
    "\ud83d",
    "利益が増加",
    "\u202eevil",
    "\t\r\n",
]


@pytest.fixture(scope="module")
def model() -> SentimentModel:
    return SentimentModel.load(COMPACT, threads=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(COMPACT, tmp_path / "model"))


def held_out() -> tuple[list[str], list[str]]:
    with HELD_OUT.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["title"] for row in rows], [row["label"] for row in rows]


TITLES = held_out()[0][:60] + list(OBVIOUS) + EXTREME


def rewrite_manifest(folder: Path, **changes: object) -> None:
    """Write a manifest with the checksums of the files as they are now: what a broken export would leave."""
    config = SentimentModel.load(COMPACT, threads=1)
    known: dict[str, object] = {"name": config.name, "id2label": ID2LABEL, "max_length": 64, "vocabulary": 30522}
    known["events"] = config.events
    write_manifest(folder, **(known | {"quantisation": config.quantisation} | changes))  # pyright: ignore[reportArgumentType]


# --- A text's logits depend on that text alone ---


@pytest.fixture(scope="module")
def alone(model: SentimentModel) -> dict[str, bytes]:
    return {title: model.logits([title])[0].tobytes() for title in TITLES}


@given(chosen=st.lists(st.sampled_from(TITLES), max_size=12))
@settings(max_examples=60, deadline=None)
def test_logits_are_bit_identical_in_any_batch_and_order(
    model: SentimentModel, alone: dict[str, bytes], chosen: list[str]
) -> None:
    logits = model.logits(chosen)
    assert logits.shape == (len(chosen), 3)
    assert logits.dtype == np.float32
    assert [row.tobytes() for row in logits] == [alone[title] for title in chosen]


def test_logits_are_bit_identical_for_any_number_of_threads(alone: dict[str, bytes]) -> None:
    single = SentimentModel.load(COMPACT, threads=1).logits(TITLES)
    assert [row.tobytes() for row in single] == [alone[title] for title in TITLES]


@given(text=st.text(max_size=200) | st.text(alphabet=string.printable, max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_text_has_finite_logits(model: SentimentModel, text: str) -> None:
    logits = model.logits([text])
    assert logits.shape == (1, 3)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("text", EXTREME, ids=range(len(EXTREME)))
def test_extreme_text_is_scored(model: SentimentModel, text: str) -> None:
    assert np.isfinite(model.logits([text])).all()


def test_tokens_beyond_the_maximum_length_change_nothing(model: SentimentModel) -> None:
    logits = model.logits(["profit falls " * 100, "profit falls " * 100 + "but soars"])
    assert (logits[0] == logits[1]).all()


def test_equal_texts_are_run_once(monkeypatch: pytest.MonkeyPatch, model: SentimentModel) -> None:
    rows: list[int] = []
    infer = SentimentModel._infer  # noqa: SLF001
    monkeypatch.setattr(SentimentModel, "_infer", lambda self, *a: (rows.append(len(a[1])), infer(self, *a))[1])
    logits = model.logits(["Profit rises", "Profit falls", "Profit rises"])
    assert sum(rows) == 2
    assert (logits[0] == logits[2]).all()


def test_no_texts_give_no_rows(model: SentimentModel) -> None:
    assert model.logits([]).shape == (0, 3)


TITLES_WITH_COMPANIES = [
    ScoredText(text, f"{text.index(name)}-{text.index(name) + len(name)}")
    for text, tones in PLAIN_COMPANIES.items()
    for name in tones
]


@given(chosen=st.lists(st.sampled_from([*TITLES_WITH_COMPANIES, *map(ScoredText, TITLES)]), max_size=12))
@settings(max_examples=60, deadline=None)
def test_scores_toward_companies_are_bit_identical_in_any_batch_and_order(
    model: SentimentModel, chosen: list[ScoredText]
) -> None:
    together = model.score(chosen)
    for row, event, text in zip(together.logits, together.events, chosen, strict=True):
        alone = model.score([text])
        assert (row.tobytes(), event) == (alone.logits[0].tobytes(), alone.events[0])


# --- What the labels say ---


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
def test_columns_follow_the_labels_of_the_config(folder: Path, model: SentimentModel, order: tuple[int, ...]) -> None:
    rewrite_manifest(folder, id2label={place: LABELS[label].upper() for place, label in enumerate(order)})
    titles = list(OBVIOUS)
    shuffled = SentimentModel.load(folder, threads=1).logits(titles)
    assert (shuffled[:, list(order)] == model.logits(titles)).all()


def test_other_labels_give_another_revision(folder: Path, model: SentimentModel) -> None:
    rewrite_manifest(folder)
    assert SentimentModel.load(folder, threads=1).revision == model.revision
    rewrite_manifest(folder, id2label={0: "positive", 1: "neutral", 2: "negative"})
    assert SentimentModel.load(folder, threads=1).revision != model.revision


def test_obvious_sentences_get_their_class(model: SentimentModel) -> None:
    answers = [LABELS[index] for index in model.logits(list(OBVIOUS)).argmax(axis=1)]
    wrong = {text: answer for (text, label), answer in zip(OBVIOUS.items(), answers, strict=True) if answer != label}
    assert len(wrong) <= 2, wrong


def test_plain_two_company_headlines_have_the_tone_of_each(model: SentimentModel) -> None:
    rows = [(text, name, label) for text, tones in PLAIN_COMPANIES.items() for name, label in tones.items()]
    texts = [ScoredText(text, f"{text.index(name)}-{text.index(name) + len(name)}") for text, name, _ in rows]
    answers = [LABELS[column] for column in model.score(texts).logits.argmax(axis=1)]
    wrong = {row: answer for row, answer in zip(rows, answers, strict=True) if answer != row[2]}
    assert len(wrong) <= 1, wrong


def test_plain_headlines_have_their_event(model: SentimentModel) -> None:
    answers = model.score([ScoredText(text) for text in PLAIN_EVENTS]).events
    wrong = {
        text: answer for (text, event), answer in zip(PLAIN_EVENTS.items(), answers, strict=True) if answer != event
    }
    assert len(wrong) <= 1, wrong


def test_held_out_headlines_are_right_four_times_in_five(model: SentimentModel) -> None:
    titles, labels = held_out()
    assert len(titles) == 300
    answers = np.array(LABELS)[model.logits(titles).argmax(axis=1)]
    assert (answers == np.array(labels)).mean() >= 0.80


def test_the_model_card_is_of_this_revision(model: SentimentModel) -> None:
    assert f"Revision `{model.revision}`" in (COMPACT / "MODEL_CARD.md").read_text()


def test_the_folder_is_small_enough_to_ship() -> None:
    assert sum(file.stat().st_size for file in COMPACT.iterdir()) <= 25_000_000


# --- CPUs ---


@pytest.mark.parametrize(
    ("quota", "cpus"), [("max 100000", None), ("50000 100000", 1), ("100000 100000", 1), ("6400000 100000", None)]
)
def test_cpus_are_cut_by_the_control_group(tmp_path: Path, quota: str, cpus: int | None) -> None:
    (tmp_path / "task" / "inner").mkdir(parents=True)
    (tmp_path / "task" / "cpu.max").write_text(f"{quota}\n")
    (tmp_path / "member").write_text("0::/task/inner\n")
    unlimited = available_cpus(tmp_path, tmp_path / "none")
    assert unlimited >= 1
    assert available_cpus(tmp_path, tmp_path / "member") == (cpus or unlimited)


@pytest.mark.parametrize(("quota", "cpus"), [("-1", None), ("50000", 1), ("100000", 1), ("6400000", None)])
@pytest.mark.parametrize("inside", ["task/inner", ""], ids=["seen from outside", "seen from the container"])
def test_cpus_are_cut_by_a_control_group_of_version_1(
    tmp_path: Path, quota: str, cpus: int | None, inside: str
) -> None:
    group = tmp_path / "cpu,cpuacct" / inside
    group.mkdir(parents=True)
    (group / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (group / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "member").write_text("5:memory:/task\n4:cpu,cpuacct:/task/inner\n1:name=systemd:/task\n")
    unlimited = available_cpus(tmp_path, tmp_path / "none")
    assert available_cpus(tmp_path, tmp_path / "member") == (cpus or unlimited)


def test_threads_default_to_the_cpus_of_the_process() -> None:
    assert SentimentModel.load(COMPACT).threads == available_cpus()


def test_loading_is_logged_in_the_familiar_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = Path(shutil.copytree(COMPACT, tmp_path / "finbert"))
    config = folder / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"compact"', '"finbert"', 1), encoding="utf-8")
    with caplog.at_level("INFO", logger="signals_pipeline"):
        SentimentModel.load(folder)
    assert caplog.messages[0] == "Loading FinBERT model..."
    assert caplog.messages[1].startswith("FinBERT model loaded successfully")

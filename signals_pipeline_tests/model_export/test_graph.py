"""The int8 graph answers each text by itself alone, stays near its fp32 twin, and computes what BERT computes."""

import json
import math
import shutil
from pathlib import Path
from typing import TypedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from signals_pipeline.adapters.model.folder import (
    ENTITY_FILE,
    EVENT_LABELS,
    MODEL_FILE,
    WEIGHTS_FILE,
    ModelError,
    checksum,
)
from signals_pipeline.adapters.model.inference import ScoredText, SentimentModel, equal_length_batches
from signals_pipeline.model_export.graph import Pooling
from signals_pipeline.model_export.rounding import Array
from signals_pipeline_tests.support.model_sources import prepared, random_weights

TEXTS = [
    "Profit rises",
    "Profit falls",
    "Shares of the bank plunge after a profit warning",
    "Shares of the bank soar after a record profit",
    "",
    "📈🚀",
    "loss " * 300,
    "$AAPL Apple beats estimates and raises its outlook for the year",
    "Board to meet on Tuesday to consider results for the third quarter",
    "Oil",
    "Gold",
    "\ud83d profit",
]


# Texts with the places of a company: one, two and repeated names, the last token, and a text that many companies share.
PLACED = [
    ScoredText("Profit rises", "0-6"),
    ScoredText("Nvidia falls after AMD launches rival chip", "0-6"),
    ScoredText("Nvidia falls after AMD launches rival chip", "19-22"),
    ScoredText("Nvidia falls after AMD launches rival chip", "0-6 19-22"),
    ScoredText("📈🚀 $AAPL Apple beats estimates", "4-8 9-14"),
    ScoredText("Oil", "0-3"),
    ScoredText("\ud83d profit", "2-8"),
]


class Kind(TypedDict):
    """What a graph's classifier reads, whether BERT's pooler is before it, and whether it has more heads."""

    pooling: Pooling
    pooler: bool
    more_heads: bool


KINDS: dict[str, Kind] = {
    "finbert": {"pooling": "first", "pooler": True, "more_heads": False},
    "compact": {"pooling": "first", "pooler": False, "more_heads": True},
    "teacher": {"pooling": "mean", "pooler": False, "more_heads": False},
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """FinBERT's graph, the compact model's and that of its teacher."""
    return KINDS[request.param]


@pytest.fixture(scope="module")
def int8(tmp_path_factory: pytest.TempPathFactory, kind: Kind) -> Path:
    return prepared(tmp_path_factory.mktemp("int8"), int8=True, **kind)


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory, kind: Kind) -> Path:
    return prepared(tmp_path_factory.mktemp("fp32"), int8=False, **kind)


@pytest.fixture(scope="module")
def model(int8: Path) -> SentimentModel:
    return SentimentModel.load(int8, threads=2)


@pytest.fixture(scope="module")
def alone(model: SentimentModel) -> dict[str, bytes]:
    return {text: model.logits([text])[0].tobytes() for text in TEXTS}


# --- A text's logits depend on that text alone ---


@given(chosen=st.lists(st.sampled_from(TEXTS), max_size=30))
@settings(max_examples=80)
def test_logits_are_bit_identical_in_any_batch_and_order(
    model: SentimentModel, alone: dict[str, bytes], chosen: list[str]
) -> None:
    assert [row.tobytes() for row in model.logits(chosen)] == [alone[text] for text in chosen]


@pytest.mark.parametrize("tokens", [0, 1, 7, 100_000])
def test_logits_are_bit_identical_for_any_batch_size(
    tmp_path: Path, alone: dict[str, bytes], kind: Kind, tokens: int
) -> None:
    other = SentimentModel.load(prepared(tmp_path, int8=True, batch_tokens=tokens, **kind), threads=1)
    assert [row.tobytes() for row in other.logits(TEXTS)] == list(alone.values())


def test_logits_are_bit_identical_among_ten_thousand_texts(model: SentimentModel, alone: dict[str, bytes]) -> None:
    crowd = [f"{word} {number}" for number in range(2_500) for word in ("Profit", "Loss", "Sales rise to", "Oil at")]
    logits = model.logits([*crowd, *TEXTS])
    assert [row.tobytes() for row in logits[len(crowd) :]] == list(alone.values())


@given(lengths=st.lists(st.integers(1, 40), max_size=60), max_tokens=st.integers(1, 200))
def test_batches_hold_every_text_once_and_only_equal_lengths(lengths: list[int], max_tokens: int) -> None:
    batches = equal_length_batches(lengths, max_tokens)

    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len({lengths[position] for position in batch}) == 1
        assert len(batch) == 1 or sum(lengths[position] for position in batch) <= max_tokens


@pytest.fixture(scope="module")
def compact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose model has all three heads."""
    return prepared(tmp_path_factory.mktemp("compact"), int8=True, **KINDS["compact"])


@pytest.fixture(scope="module")
def entity_model(compact: Path) -> SentimentModel:
    return SentimentModel.load(compact, threads=2)


@pytest.fixture(scope="module")
def placed_alone(entity_model: SentimentModel) -> dict[ScoredText, tuple[bytes, str]]:
    scores = {text: entity_model.score([text]) for text in [*PLACED, *map(ScoredText, TEXTS)]}
    return {text: (score.logits[0].tobytes(), score.events[0]) for text, score in scores.items()}


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_scores_toward_companies_are_bit_identical_in_any_batch_and_order(
    entity_model: SentimentModel, placed_alone: dict[ScoredText, tuple[bytes, str]], data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(list(placed_alone)), max_size=30))
    scores = entity_model.score(chosen)
    assert [row.tobytes() for row in scores.logits] == [placed_alone[text][0] for text in chosen]
    assert scores.events == [placed_alone[text][1] for text in chosen]


@pytest.mark.parametrize("tokens", [0, 1, 7, 100_000])
def test_scores_toward_companies_are_bit_identical_for_any_batch_size(
    tmp_path: Path, placed_alone: dict[ScoredText, tuple[bytes, str]], tokens: int
) -> None:
    other = SentimentModel.load(prepared(tmp_path, int8=True, batch_tokens=tokens, **KINDS["compact"]), threads=1)
    assert [row.tobytes() for row in other.score(PLACED).logits] == [placed_alone[text][0] for text in PLACED]


# --- What is computed ---


def test_fp32_graph_computes_bert(exact: Path, kind: Kind) -> None:
    ids = [101, 5618, 9466, 2000, 102]
    model = SentimentModel.load(exact, threads=1)
    logits, _ = model._infer(model._session, np.array([ids, ids[::-1]]))  # noqa: SLF001
    # The file's columns are positive, negative, neutral; the loader gives negative, neutral, positive.
    for row, text in zip(logits, (ids, ids[::-1]), strict=True):
        assert row == pytest.approx(read(random_weights(), states(random_weights(), text), kind)[[1, 2, 0]], abs=1e-4)


def test_fp32_graphs_compute_the_heads_for_companies_and_events(tmp_path: Path) -> None:
    model = SentimentModel.load(prepared(tmp_path, int8=False, **KINDS["compact"]), threads=1)
    ids = [101, 5618, 9466, 2000, 102]
    weights = random_weights()
    last_states = states(weights, ids)

    _, events = model._infer(model._session, np.array([ids]))  # noqa: SLF001
    token_logits, events_beside_tokens = model._infer(model._open_entity_session(), np.array([ids]))  # noqa: SLF001

    expected = last_states @ weights["entity_head.weight"].T + weights["entity_head.bias"]
    assert token_logits[0] == pytest.approx(expected[:, [1, 2, 0]], abs=1e-4)
    event_logits = weights["event_head.weight"] @ last_states[0] + weights["event_head.bias"]
    assert events == events_beside_tokens == [EVENT_LABELS[int(event_logits.argmax())]]


def test_the_tone_toward_a_company_is_the_mean_over_its_tokens(entity_model: SentimentModel) -> None:
    text = "Nvidia falls after AMD launches rival chip"
    ids = entity_model._tokenise(text)  # noqa: SLF001
    token_logits, _ = entity_model._infer(entity_model._open_entity_session(), ids[np.newaxis])  # noqa: SLF001
    # [CLS] n ##vid ##ia falls after am ##d launches rival chip [SEP]
    tokens = [1, 2, 3, 6, 7]
    scores = entity_model.score([ScoredText(text, "0-6 19-22")])
    assert scores.logits[0] == pytest.approx(token_logits[0][tokens].mean(axis=0), abs=1e-6)


def test_both_graphs_share_one_file_of_weights(compact: Path) -> None:
    sizes = {name: (compact / name).stat().st_size for name in (MODEL_FILE, ENTITY_FILE, WEIGHTS_FILE)}
    assert sizes[MODEL_FILE] + sizes[ENTITY_FILE] < 0.1 * sizes[WEIGHTS_FILE]


def test_a_company_beyond_the_maximum_length_is_counted_and_its_text_scored_as_a_whole(
    entity_model: SentimentModel,
) -> None:
    text = "loss " * 300 + "at Intel"
    scores = entity_model.score([ScoredText(text, f"{len(text) - 5}-{len(text)}"), ScoredText(text)])
    assert scores.cut_spans == 1
    assert (scores.logits[0] == scores.logits[1]).all()


@pytest.mark.parametrize("span", ["6", "3-2", "a-b", "0-3,4-6"])
def test_a_malformed_span_is_refused(entity_model: SentimentModel, span: str) -> None:
    with pytest.raises(ValueError, match=f"'{span}' is not a list of spans"):
        entity_model.score([ScoredText("Profit rises", span)])


def test_a_span_beyond_the_text_is_refused(entity_model: SentimentModel) -> None:
    with pytest.raises(ValueError, match="'0-99' is not within 'Profit rises'"):
        entity_model.score([ScoredText("Profit rises", "0-99")])


def test_a_model_without_an_entity_head_refuses_spans_and_gives_no_events(tmp_path: Path) -> None:
    model = SentimentModel.load(prepared(tmp_path, int8=True, **KINDS["finbert"]))
    assert model.score([ScoredText("Profit rises")]).events == [""]
    with pytest.raises(ValueError, match="finbert does not tell companies apart"):
        model.score([ScoredText("Profit rises", "0-6")])


def test_an_export_over_an_earlier_one_leaves_nothing_of_it(tmp_path: Path) -> None:
    first = prepared(tmp_path, int8=True)
    before = checksum(first / WEIGHTS_FILE)
    assert checksum(prepared(tmp_path, int8=True) / WEIGHTS_FILE) == before


def test_int8_stays_near_fp32(int8: Path, exact: Path) -> None:
    texts = TEXTS[:4] + TEXTS[7:]
    near = SentimentModel.load(int8, threads=1).logits(texts)
    far = SentimentModel.load(exact, threads=1).logits(texts)
    assert np.abs(near - far).max() < 0.1 * np.abs(far).max()
    assert (near != far).any()


def states(weights: dict[str, Array], ids: list[int]) -> NDArray[np.float64]:
    """The last states, shape (tokens, hidden), as BERT's authors wrote them down (Devlin et al. 2019), in float64."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}

    def dense(x: NDArray[np.float64], path: str) -> NDArray[np.float64]:
        return x @ w[f"{path}.weight"].T + w[f"{path}.bias"]

    def norm(x: NDArray[np.float64], path: str) -> NDArray[np.float64]:
        spread = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)
        return (x - x.mean(axis=-1, keepdims=True)) / spread * w[f"{path}.weight"] + w[f"{path}.bias"]

    words, places, kinds = (w[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "position", "token_type"))
    x = norm(words[ids] + places[: len(ids)] + kinds[0], "embeddings.LayerNorm")
    for layer in range(2):
        path = f"encoder.layer.{layer}"
        query, key, value = (
            dense(x, f"{path}.attention.self.{part}").reshape(-1, 2, 32).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / math.sqrt(32)
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (powers / powers.sum(axis=-1, keepdims=True) @ value).swapaxes(0, 1).reshape(-1, 64)
        x = norm(dense(mixed, f"{path}.attention.output.dense") + x, f"{path}.attention.output.LayerNorm")
        inner = dense(x, f"{path}.intermediate.dense")
        inner *= 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = norm(dense(inner, f"{path}.output.dense") + x, f"{path}.output.LayerNorm")
    return x


def read(weights: dict[str, Array], last_states: NDArray[np.float64], kind: Kind) -> NDArray[np.float64]:
    """The classifier's logits from the last states."""

    def dense(x: NDArray[np.float64], path: str) -> NDArray[np.float64]:
        return weights[f"{path}.weight"].astype(np.float64) @ x + weights[f"{path}.bias"]

    pooled = last_states[0] if kind["pooling"] == "first" else last_states.mean(axis=0)
    return dense(np.tanh(dense(pooled, "pooler.dense")), "classifier") if kind["pooler"] else dense(pooled, "head")


# --- The weights' file is sealed, too ---


def test_a_missing_or_changed_weights_file_is_refused(tmp_path: Path, int8: Path) -> None:
    folder = Path(shutil.copytree(int8, tmp_path / "model"))
    content = bytearray((folder / WEIGHTS_FILE).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(ModelError, match=r"model.onnx.data: not the file that config.json was made for"):
        SentimentModel.load(folder)
    (folder / WEIGHTS_FILE).unlink()
    with pytest.raises(ModelError, match=r"no model.onnx.data; prepare the model folder again"):
        SentimentModel.load(folder)


def test_the_revision_follows_the_weights(tmp_path: Path, int8: Path, exact: Path, kind: Kind) -> None:
    again = prepared(tmp_path, int8=True, **kind)
    revisions = [json.loads((folder / "config.json").read_text())["revision"] for folder in (int8, again, exact)]
    assert revisions[0] == revisions[1] != revisions[2]


def test_the_weights_file_has_the_permissions_of_the_graph(int8: Path) -> None:
    assert (int8 / WEIGHTS_FILE).stat().st_mode == (int8 / MODEL_FILE).stat().st_mode

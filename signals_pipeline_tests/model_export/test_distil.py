"""The compact model learns a teacher's answers on a user's titles, and is used only where it got better."""

# pyright: reportMissingImports=false
from pathlib import Path

import numpy as np
import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import ModelError, read_manifest
from signals_pipeline.adapters.model.inference import ScoredText, SentimentModel
from signals_pipeline.model_export import distil, fetching, prepare
from signals_pipeline.model_export.distil import DISTILLATION_FILE, Distillation, split_by_time
from signals_pipeline.model_export.minimal_pairs import MINIMAL_PAIRS, PairAnswers, pair_answers, pair_texts
from signals_pipeline.model_export.restoring import restore
from signals_pipeline.model_export.verify import PROBES, headlines
from signals_pipeline_tests.support.checkpoints import NEUTRAL, write_checkpoint
from signals_pipeline_tests.support.model_sources import prepared

GOOD = Distillation(
    teacher="finbert @0123456789ab",
    student="compact @4ec1c382cffe",
    titles=9_000,
    held_out=2_000,
    agreement_before=0.69,
    agreement_after=0.80,
    interval_after=(0.782, 0.817),
    pairs=30,
    before=PairAnswers(right=15, opposite=12),
    after=PairAnswers(right=15, opposite=11),
)
WORSE = {
    "agrees with the teacher on 68.0% of later titles, before on 69.0%": {"agreement_after": 0.68},
    "agrees with the teacher on 69.0% of later titles": {"agreement_after": 0.69},
    "13 of 30 minimal pairs are right, before 15": {"after": PairAnswers(13, 12)},
    "14 halves of minimal pairs have the opposite sign, before 12": {"after": PairAnswers(15, 14)},
}


def test_a_better_model_has_no_fault_and_its_figures_are_told() -> None:
    assert GOOD.faults() == []
    assert "agrees with finbert @0123456789ab on 80.0% (95% interval 78.2% to 81.7%; before 69.0%)" in GOOD.summary


@pytest.mark.parametrize("reason", WORSE)
def test_a_model_that_got_worse_is_refused(reason: str) -> None:
    [fault] = GOOD.model_copy(update=WORSE[reason]).faults()
    assert reason in fault


def test_one_lost_pair_may_be_a_near_tie() -> None:
    assert GOOD.model_copy(update={"after": PairAnswers(14, 13)}).faults() == []


def test_the_last_fifth_is_held_out_and_no_title_is_in_both_parts() -> None:
    titles = [f"Title {number}" for number in range(1_000)]
    split = split_by_time([*titles, "", *titles[:300]])
    assert split.learnt == titles[:800]
    assert split.held_out == titles[800:]


def test_few_titles_are_refused() -> None:
    with pytest.raises(ModelError, match="499 different titles, at least 500 are needed"):
        split_by_time([f"Title {number}" for number in range(499)] * 2)


def test_halves_of_minimal_pairs_are_all_different() -> None:
    texts = pair_texts()
    assert len(set(texts)) == len(texts) == 2 * len(MINIMAL_PAIRS)


def test_pairs_are_right_only_with_both_halves() -> None:
    negative, positive = np.eye(3, dtype=np.float32)[[0, 2]]
    logits = np.stack([positive, negative] * len(MINIMAL_PAIRS))
    assert pair_answers(logits) == PairAnswers(len(MINIMAL_PAIRS), 0)
    logits[0] = negative
    assert pair_answers(logits) == PairAnswers(len(MINIMAL_PAIRS) - 1, 1)


# --- With torch ---


@pytest.mark.finbert
def test_restored_weights_answer_like_the_folder() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra finbert: torch")
    lesson = distil._Lesson(restore(sample.COMPACT_MODEL), sample.COMPACT_MODEL, 64, seed=1)  # noqa: SLF001
    lesson.tokenizer.no_padding()
    texts = headlines()[:60]
    rows = []
    with torch.no_grad():
        for text in texts:
            ids = torch.tensor([lesson.tokenizer.encode(text).ids])
            rows.append(lesson.original(ids, torch.ones_like(ids)).numpy())
    # What is left is the rounding of the activations.
    assert np.abs(np.concatenate(rows) - SentimentModel.load(sample.COMPACT_MODEL).logits(texts)).max() < 0.2


def test_a_folder_in_fp32_cannot_be_restored(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="weights can't be read back"):
        restore(prepared(tmp_path, int8=False))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows the plain sentences, so that it is sure of titles that resemble them."""
    folder = tmp_path_factory.mktemp("teacher")
    write_checkpoint(folder / "bert", "bert")
    fetching.copy(folder / "bert", folder / "teacher-source")
    prepare.export(folder / "teacher-source", folder / "teacher")
    return folder / "teacher"


def titles() -> list[str]:
    """Variations of plain sentences."""
    texts = [*PROBES, *NEUTRAL]
    return [f"{text}: report {number}" for number in range(40) for text in texts]


@pytest.fixture(scope="module")
def distilled(teacher: Path) -> Path:
    # This teacher knows a few plain sentences and nothing of the pairs.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distil, "MAX_PAIRS_LOST", 2 * len(MINIMAL_PAIRS))
        distil.distil(titles(), teacher, teacher.parent / "compact-distilled", minutes=0.5)
    return teacher.parent / "compact-distilled"


@pytest.mark.finbert
def test_the_student_agrees_more_often_with_its_teacher_on_later_titles(distilled: Path) -> None:
    distillation = Distillation.model_validate_json((distilled / DISTILLATION_FILE).read_bytes())
    assert distillation.agreement_after > distillation.agreement_before
    manifest = read_manifest(distilled)
    assert manifest.name == "compact-distilled"
    assert manifest.origin is not None
    assert manifest.origin.repository == "teacher"
    assert manifest.origin.architecture.startswith("distilled into compact @")
    assert manifest.revision != read_manifest(sample.COMPACT_MODEL).revision
    before = read_manifest(sample.COMPACT_MODEL)
    assert (manifest.events, manifest.tells_companies_apart) == (before.events, before.tells_companies_apart)


@pytest.mark.finbert
def test_event_types_stay_where_they_were(distilled: Path) -> None:
    texts = [ScoredText(title) for title in headlines()]
    before = SentimentModel.load(sample.COMPACT_MODEL).score(texts).events
    after = SentimentModel.load(distilled).score(texts).events
    same = sum(event == event_before for event, event_before in zip(after, before, strict=True))
    assert same / len(texts) >= 0.75


@pytest.mark.finbert
def test_a_student_that_is_no_better_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    """Nothing agrees with the compact model more often than it does with itself."""
    pytest.importorskip("torch", reason="needs the extra finbert: torch")
    with pytest.raises(ModelError, match=r"^distilled: refused, it agrees with the teacher on ") as caught:
        distil.distil(titles(), sample.COMPACT_MODEL, tmp_path / "distilled", minutes=1e-6)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []

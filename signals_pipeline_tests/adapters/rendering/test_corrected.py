"""A correction in the mail: alike in both parts, whatever the title holds, and cut where there are too many."""

from dataclasses import replace

from signals_pipeline.adapters.rendering.digest import MAX_HTML_BYTES, render_html, render_text
from signals_pipeline.core.digest.model import CorrectedLine, Digest
from signals_pipeline_tests.support.digest_examples import WINDOWS, digest_of
from signals_pipeline_tests.support.digest_pages import NOW, Page, everything


def line(symbol: str = "AAA", title: str = "Old title") -> CorrectedLine:
    sentences = (f"The BUY rests on “{title}”, withdrawn.", "Without it: +0.12, no signal.")
    return CorrectedLine(
        symbol=symbol,
        company=f"{symbol} & Sons",
        signal_type="BUY",
        combined_score=0.41,
        without=0.12,
        with_new=None,
        sentences=sentences,
        decided_at=WINDOWS[0].end,
        known_at=NOW.start,
    )


def parts(digest: Digest) -> tuple[str, str]:
    return Page(render_html(digest)).text, " ".join(render_text(digest).split())


def test_a_correction_is_in_both_parts() -> None:
    digest = replace(everything(), corrected=(line(),))
    for text in parts(digest):
        for wanted in ("AAA & Sons", "The BUY rests on “Old title”, withdrawn.", "Without it: +0.12, no signal."):
            assert wanted in text
    assert "Corrected" in parts(digest)[0]
    assert "CORRECTED" in parts(digest)[1]


def test_without_a_correction_there_is_no_such_section() -> None:
    for text in parts(digest_of(NOW)):
        assert "corrected" not in text.lower()


def test_markup_in_a_corrected_title_is_text() -> None:
    digest = replace(everything(), corrected=(line(title="<script>alert(1)</script>\r\nBcc: x\u202e"),))
    html = render_html(digest)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "\u202e" not in html + render_text(digest)
    assert "\nBcc" not in render_text(digest)


def test_many_corrections_fit_and_the_text_has_them_all() -> None:
    digest = replace(digest_of(NOW), corrected=tuple(line(f"S{at:03d}", "word " * 30) for at in range(150)))
    html, text = render_html(digest), render_text(digest)
    assert len(html.encode()) <= MAX_HTML_BYTES
    assert "more: see the text part of this message." in html
    assert all(f"S{at:03d} & Sons" in text for at in range(150))

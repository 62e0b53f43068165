"""The readers' glossary: every term once, in words without commands or settings."""

import re

from signals_pipeline.core.digest.glossary import ANCHORS, GLOSSARY

TERMS = [term for topic in GLOSSARY for term in topic.terms]


def test_every_anchor_names_one_term_and_fits_an_address() -> None:
    assert len(ANCHORS) == len(TERMS)
    assert all(re.fullmatch("[a-z0-9-]+", anchor) for anchor in ANCHORS)


def test_links_of_mails_that_were_sent_lead_to_their_term_for_good() -> None:
    assert {"tone", "tone-confidence", "atr", "rsi", "lifecycle", "near-miss", "base-rate", "relevance"} <= ANCHORS


def test_meanings_are_sentences_for_readers() -> None:
    for term in TERMS:
        assert term.meaning.endswith("."), term
        assert "`" not in term.meaning
        assert not re.search(r"\b[A-Z]+_[A-Z_]+\b", term.meaning), term  # no setting

"""Attacks, and digests in which every string that comes from outside is one."""

import re
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from signals_pipeline.core.digest.model import CorrectedLine, Digest
from signals_pipeline_tests.support.digest_examples import WINDOWS
from signals_pipeline_tests.support.digest_pages import everything, titled

ATTACKS = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg/onload=x></style></td></table>",
    "template": "{{ 7 * 7 }} {% raw %} ${7*7} <!--#exec--> ]]>",
    "header": "1 new\r\nBcc: everyone@example.org\r\n\r\n<b>body</b> =?utf-8?q?=0d=0aBcc:_x=40y.example?=",
    "direction": "\u202eexe.txt\u2066\u200f\u061c\u2028\x00\x1b[2J\x07",
    "endless": "A<&" * 350_000,
}
SCHEMES = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<b>x",
    "vbscript:x",
    'https://a.example/"onx="',
)
HIDDEN = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\x00-\x08\x0b\x0c\x0e-\x1f]")
"""What no reader may be sent: controls and marks of direction."""

# The pipeline's own words, out of a fixed list each, and the keys of windows and instants.
_OURS = {
    *("signal_type", "kind", "status", "window_key", "missing_windows", "known_at", "name", "sessions", "mode"),
    *("lifecycle", "provenance", "gate"),
}


def poisoned(attack: str, link: str) -> Digest:
    """A digest of every section, with the attack in every string of it and the link in every place for one."""
    line = CorrectedLine(
        symbol="A",
        company="B",
        signal_type="BUY",
        combined_score=0.6,
        without=0.1,
        with_new=None,
        sentences=("s",),
        decided_at=WINDOWS[2].end,
        known_at=WINDOWS[4].end,
    )
    whole = replace(everything(), coverage=titled("A title").coverage, kind="degraded", corrected=(line,))
    digest = _everywhere(whole, attack, link)
    return replace(digest, knobs={**whole.knobs, attack[:60]: attack}, funnel={**whole.funnel, attack[:60]: 3})


def _everywhere(value: Any, attack: str, link: str, name: str = "") -> Any:  # a digest's own tree of values
    if name in _OURS or value is None or isinstance(value, (bool, int, float, datetime)):
        return value
    if isinstance(value, str):
        return link if name.endswith("url") else attack
    if isinstance(value, tuple):
        return tuple(_everywhere(item, attack, link, name) for item in value)
    if isinstance(value, dict):
        return {key: _everywhere(item, attack, link, str(key)) for key, item in value.items()}
    assert is_dataclass(value)
    assert not isinstance(value, type)
    names = [each.name for each in fields(value)]
    return replace(value, **{each: _everywhere(getattr(value, each), attack, link, each) for each in names})

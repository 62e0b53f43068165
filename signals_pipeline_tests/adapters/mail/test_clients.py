"""What mail clients drop is not used, or loses nothing where it is dropped.

`data/mail_clients.csv` says what Outlook for Windows, Gmail and Apple Mail do with each feature; its sources are in the
NOTICE beside it.
"""

import csv
import re
from pathlib import Path

import pytest

from signals_pipeline.adapters.mail.envelope import Envelope, Links
from signals_pipeline.adapters.mail.message import digest_message, failure_message
from signals_pipeline.core.digest.model import Digest
from signals_pipeline_tests.support.digest_pages import NOW, Page, everything, hostile_cards, titled
from signals_pipeline_tests.support.mails import ENVELOPE, LINKS, body, read

CLIENTS = ("outlook_windows", "gmail", "apple_mail")
TABLE = Path(__file__).parents[2] / "data" / "mail_clients.csv"
with TABLE.open(newline="") as lines:
    SUPPORT = {row["feature"]: row for row in csv.DictReader(lines)}
MAILS: dict[str, Digest] = {"everything": everything(), "long": hostile_cards(25), "titled": titled("A title")}


def html_of(digest: Digest, links: Links = LINKS, envelope: Envelope = ENVELOPE) -> str:
    return body(read(digest_message(digest, envelope, links)), "html")


def features(html: str) -> set[str]:
    """Every tag, attribute, CSS property, at-rule and kind of address that a mail uses."""
    seen = re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)  # conditional comments are Outlook's own
    page = Page(seen)
    used = {f"tag:{tag}" for tag, _ in page.tags}
    used |= {f"attribute:{name}" for _, attributes in page.tags for name in attributes}
    styles = [str(attributes["style"]) for _, attributes in page.tags if attributes.get("style")]
    sheets = "".join(re.findall(r"<style>(.*?)</style>", seen, flags=re.DOTALL))
    styles += re.findall(r"\{([^{}]*)\}", sheets)
    used |= {f"css:{part.partition(':')[0].strip()}" for style in styles for part in style.split(";") if ":" in part}
    used |= {f"at:{name} {condition}" for name, condition in re.findall(r"@(\w+) \(([\w-]+)", sheets)}
    addresses = [attributes.get("href") or attributes.get("src") for _, attributes in page.tags]
    return used | {f"url:{address.partition(':')[0]}" for address in addresses if address}


@pytest.mark.parametrize("name", MAILS)
def test_every_feature_in_use_is_supported_or_can_be_missed(name: str) -> None:
    used = features(html_of(MAILS[name]))
    assert len(used) > 40
    assert used - set(SUPPORT) == set()
    for feature in used:
        weak = [client for client in CLIENTS if SUPPORT[feature][client] != "yes"]
        assert not weak or SUPPORT[feature]["if_dropped"], feature


def test_a_failure_uses_no_more() -> None:
    html = body(read(failure_message(NOW, "no source answered", ENVELOPE, LINKS)), "html")
    assert features(html) <= set(SUPPORT)


def test_the_table_names_nothing_that_is_not_in_use() -> None:
    used = set().union(*(features(html_of(digest)) for digest in MAILS.values()))
    used |= features(html_of(MAILS["long"], Links()))
    used |= features(body(read(failure_message(NOW, "no source answered", ENVELOPE, LINKS)), "html"))
    assert set(SUPPORT) - used == set()


@pytest.mark.parametrize("name", MAILS)
def test_what_is_dropped_has_what_takes_its_place(name: str) -> None:
    html = html_of(MAILS[name])
    assert '<!--[if mso]><table role="presentation" width="600"' in html  # for max-width and margin auto
    for tag, attributes in Page(html).tags:
        if tag == "img":
            assert attributes["alt"]
            assert attributes["width"] == "544"
        if tag == "table" and "list" not in str(attributes.get("class")):
            assert attributes["role"] == "presentation"
    assert not re.search(r"position:|float:|flex|grid|<svg|<form|<script|<link|url\(|var\(|calc\(|rgba", html)
    assert all(rule.count("!important") == rule.count(":") for rule in _dark_rules(html))  # inlined styles would win


def _dark_rules(html: str) -> list[str]:
    (sheet,) = re.findall(r"prefers-color-scheme:\s*dark\) ?\{(.*?)\} *</style>", html, flags=re.DOTALL)
    rules = re.findall(r"\{([^{}]*)\}", sheet)
    assert len(rules) > 8
    return rules

"""Titles and links as feeds deliver them, made safe to store and plain to read.

`clean` is what readers see, `readable` what the sentiment model reads, `canonical_url` what identifies an article.
"""

import functools
import hashlib
import html
import re
import unicodedata
from urllib.parse import quote, urlsplit

TITLE_LIMIT = 300
_RAW_LIMIT = 4_000  # characters looked at; a title longer than this is a page that ended up in the wrong field
_URL_LIMIT = 2_000
_UNWANTED = frozenset({"Cc", "Cf", "Cs", "Co"})  # controls, bidi and zero-width, lone surrogates, private use

# Only entities closed by a semicolon: `html.unescape` alone would also turn "M&centric" into "M¢ric".
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_HIDDEN = re.compile(r"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_INLINE = re.compile(r"</?(?:a|b|i|u|em|strong|span|font|sub|sup|small|mark|wbr)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_BLOCK = re.compile(
    r"</?(?:p|br|hr|div|li|ul|ol|dl|dt|dd|h[1-6]|img|svg|table|tbody|thead|tr|td|th|body|html|head|meta|link|title|script"
    r"|style|iframe|object|embed|form|input|button|video|audio|center|section|article|blockquote|pre|code)"
    r"(?:[\s/][^<>]*)?/?>",
    re.IGNORECASE,
)

CASHTAG = re.compile(r"(?<![\w$])\$([A-Z]{1,5}(?:[.\-][A-Z]{1,2})?)(?![\w$])")
_RETWEET = re.compile(r"(?:^|(?<=\s))RT @\w{1,30}:?\s*")
_LINK = re.compile(r"(?:https?://|www\.|pic\.twitter\.com/|t\.co/)\S+", re.IGNORECASE)
_FILED_UNDER = re.compile(r"(?:\s+#[^\W\d_]\w*){2,}\s*$")  # "... #tech #stocks"
# "... $AAPL #APPLE $FIT": hashtags behind a cashtag file the title, too
_FILED_WITH = re.compile(CASHTAG.pattern + r"(?:\s+(?:#[^\W\d_]\w*|" + CASHTAG.pattern + r"))+\s*$")
_HASH = re.compile(r"(?<!\w)#(?=[^\W\d_])")
_MARKER = re.compile(r"^(?:\[(?:\$\$|video|audio|slideshow)\]\s*)+", re.IGNORECASE)
# Alert bots wrap a title: News: "the title" Board view
_WRAPPED = re.compile(r"^(?:News(?: Alert)?:\s*)?[\"“](?P<title>[^\"“”]{8,})[\"”](?:\s*(?:Board view|Analyze|Quote))?$")
_TAGGED_WORD = re.compile(CASHTAG.pattern + r"(?:['’]s\b|-(?=\w))?")
_EMPTY_BRACKETS = re.compile(r"\(\s*[,;:&\s]*\)|\[\s*\]")
_LEADING = re.compile(r"^(?:[-–—:|,;•.…/&]+(?=\s|$|[\"“'‘])\s*)+")
_TRAILING = re.compile(r"(?:[\s\-–—:|,;•…/(&]|(?<=\s)\.+|\.{2,})+$")
_TORN_COMMA = re.compile(r"\s+(?=[,;:](?:\s|$))|(?<=,)\s*,")

_TRACKING = re.compile(
    r"^(?:utm_.*|source|src|ref|cmpid|cmp|ncid|mod|fbclid|gclid|mc_[ce]id|guccounter|soc_src|soc_trk|yptr|ftcamp)$",
    re.IGNORECASE,
)
_HOST = re.compile(r"^[\w\-]+(?:\.[\w\-]+)*\.?$")
_PRINTED = "/%:=&?~+!$,;'@()*[]"
_AS_IT_SHOULD_BE = re.compile(r"https?://[a-z0-9\-]+(?:\.[a-z0-9\-]+)*(?:/[a-zA-Z0-9_.~/%:=&+!$,;'@()*\[\]\-]*)?")


def clean(raw: str, limit: int = TITLE_LIMIT) -> tuple[str, bool]:
    """Plain text of a title, lead or name.

    Unicode is NFKC; control, bidi and zero-width characters, entities and tags are gone; white space is folded. Text
    beyond `limit` characters is cut at a word.

    Returns:
        The text and whether anything was cut off.
    """
    text = raw[:_RAW_LIMIT]
    while (plain := _plain(text)) != text:
        text = plain  # "&amp;lt;b&amp;gt;" hides a tag under two layers; every layer makes the text shorter
    if len(text) <= limit:
        return text, len(raw) > _RAW_LIMIT
    head = text[: limit + 1].rsplit(" ", 1)[0]
    return head[:limit].rstrip(), True


def _plain(text: str) -> str:
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = _shown(text)
    if "<" in text:
        text = _BLOCK.sub(" ", _INLINE.sub("", _HIDDEN.sub(" ", text)))
    return " ".join(text.split())


def _shown(text: str) -> str:
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _UNWANTED else character


def content_address(text: str) -> str:
    """SHA-256 of a text in hexadecimal: the key under which its scores are kept."""
    return hashlib.sha256(text.encode()).hexdigest()


def readable(title: str) -> str:
    """What a model should read of a clean title: without cashtags, links, retweet marks and feeds' wrappers.

    Empty where nothing but such noise is there. The words, their case and their order stay.
    """
    text = _RETWEET.sub("", title) if "RT @" in title else title
    if "/" in text or "www." in text.lower():
        text = _LINK.sub(" ", text)
    text = _MARKER.sub("", text)
    if "$" in text:
        text = _FILED_WITH.sub(" ", text)
        text = _TORN_COMMA.sub("", _EMPTY_BRACKETS.sub(" ", _TAGGED_WORD.sub(" ", text)))
    text = _trimmed(_HASH.sub("", _FILED_UNDER.sub("", text)) if "#" in text else text)
    if wrapped := _WRAPPED.match(text):
        text = _trimmed(wrapped["title"])
    text = _trimmed(_MARKER.sub("", text))
    return text if any(character.isalnum() for character in text) else ""


def _trimmed(text: str) -> str:
    folded = " ".join(text.split())
    if folded and folded[0].isalnum() and folded[-1].isalnum():
        return folded  # what the two searches would give, slowly
    return _TRAILING.sub("", _LEADING.sub("", folded))


@functools.lru_cache(maxsize=8192)  # each link of a round is asked for several times: identity, archive, digest
def canonical_url(raw: str | None) -> str:
    """The link without tracking parameters, fragment and user name, host in lower case, printable ASCII.

    Empty where it is no http(s) link with a host: nothing else may become a link in a digest.
    """
    if raw and len(raw) <= _URL_LIMIT and _AS_IT_SHOULD_BE.fullmatch(raw):
        return raw  # what the parts would be put together to, slowly
    text = _shown((raw or "")[:_URL_LIMIT]).strip()
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:  # urlsplit's answer to a malformed host or port: not a link
        return ""
    if parts.scheme not in {"http", "https"} or not _HOST.match(host) or len(raw or "") > _URL_LIMIT:
        return ""
    place = host if port in {None, 80, 443} else f"{host}:{port}"
    kept = [pair for pair in parts.query.split("&") if pair and not _TRACKING.match(pair.split("=", 1)[0])]
    query = f"?{quote('&'.join(sorted(kept)), safe=_PRINTED)}" if kept else ""
    return f"{parts.scheme}://{quote(place, safe=':')}{quote(parts.path, safe=_PRINTED)}{query}"


def shorten(text: str, width: int) -> str:
    """The text cut at a word to at most `width` characters, an ellipsis in place of the rest."""
    if len(text) <= width:
        return text
    cut = text.rfind(" ", 0, width)
    return text[: cut if cut > width // 2 else width - 1].rstrip() + "…"


def shorten_counted(text: str, width: int) -> str:
    """The text cut at a word to at most `width` characters, followed by how many are left out and where they are."""
    kept = shorten(text, width)
    left = len(text) - len(kept.removesuffix("…"))
    return kept if kept == text else f"{kept} ({left:,} more characters: see the text part of this message.)"

"""Clean titles and links of feeds: safe to store, plain to read.

`clean` returns what readers see, `readable` what the sentiment model reads, `canonical_url` what identifies an article.
Escaping for mail and pages is in `adapters.rendering.safe_text`.
"""

import functools
import hashlib
import html
import re
import unicodedata
from datetime import timedelta
from math import ceil
from urllib.parse import quote, urlsplit

# Maximum characters of a title; longer ones are cut at a word.
TITLE_LIMIT = 300
# Characters looked at: a longer title is a page that ended up in the wrong field.
_RAW_LIMIT = 4_000

_MINUTES_PER_DAY = 24 * 60
# Longer durations are given in days: a weekend of three days is still given in hours.
_LONG_MINUTES = 5 * _MINUTES_PER_DAY

# Maximum characters of a link; longer ones are refused, since common clients cut them.
_URL_LIMIT = 2_000
# Unicode categories: controls, direction and zero-width characters, lone surrogates, private use.
_UNWANTED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co"})

# Only entities closed by a semicolon: `html.unescape` alone would also turn "M&centric" into "M¢ric".
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Markup whose content is no text.
_HIDDEN_MARKUP = re.compile(r"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
# Tags within a word or sentence, which leave no gap.
_INLINE_TAG = re.compile(r"</?(?:a|b|i|u|em|strong|span|font|sub|sup|small|mark|wbr)(?:\s[^<>]*)?/?>", re.IGNORECASE)
# Tags that separate words. Only known ones: "3 < 4 and 5 > 4" is no tag.
_BLOCK_TAG = re.compile(
    r"</?(?:p|br|hr|div|li|ul|ol|dl|dt|dd|h[1-6]|img|svg|table|tbody|thead|tr|td|th|body|html|head|meta|link|title|script"
    r"|style|iframe|object|embed|form|input|button|video|audio|center|section|article|blockquote|pre|code)"
    r"(?:[\s/][^<>]*)?/?>",
    re.IGNORECASE,
)

CASHTAG = re.compile(r"(?<![\w$])\$([A-Z]{1,5}(?:[.\-][A-Z]{1,2})?)(?![\w$])")
_RETWEET = re.compile(r"(?:^|(?<=\s))RT @\w{1,30}:?\s*")
_LINK = re.compile(r"(?:https?://|www\.|pic\.twitter\.com/|t\.co/)\S+", re.IGNORECASE)
# Hashtags at the end file the title: "... #tech #stocks".
_FILING_HASHTAGS = re.compile(r"(?:\s+#[^\W\d_]\w*){2,}\s*$")
# So do hashtags after a cashtag: "... $AAPL #APPLE $FIT".
_FILING_CASHTAGS = re.compile(CASHTAG.pattern + r"(?:\s+(?:#[^\W\d_]\w*|" + CASHTAG.pattern + r"))+\s*$")
# The sign of a hashtag, whose word is part of the sentence.
_HASH_SIGN = re.compile(r"(?<!\w)#(?=[^\W\d_])")
_MEDIA_MARKER = re.compile(r"^(?:\[(?:\$\$|video|audio|slideshow)\]\s*)+", re.IGNORECASE)
# Alert bots wrap a title: News: "the title" Board view
_WRAPPED_TITLE = re.compile(
    r"^(?:News(?: Alert)?:\s*)?[\"“](?P<title>[^\"“”]{8,})[\"”](?:\s*(?:Board view|Analyze|Quote))?$"
)
# A cashtag with what hangs on it: "$AAPL's", "$AAPL-led".
_CASHTAG_WORD = re.compile(CASHTAG.pattern + r"(?:['’]s\b|-(?=\w))?")
# What a removed cashtag leaves: "( , )", " ,".
_EMPTY_BRACKETS = re.compile(r"\(\s*[,;:&\s]*\)|\[\s*\]")
_STRAY_COMMA = re.compile(r"\s+(?=[,;:](?:\s|$))|(?<=,)\s*,")
_LEADING_PUNCTUATION = re.compile(r"^(?:[-–—:|,;•.…/&]+(?=\s|$|[\"“'‘])\s*)+")
_TRAILING_PUNCTUATION = re.compile(r"(?:[\s\-–—:|,;•…/(&]|(?<=\s)\.+|\.{2,})+$")

# Query parameters that say where a reader came from, not what the article is.
_TRACKING_PARAMETER = re.compile(
    r"^(?:utm_.*|source|src|ref|cmpid|cmp|ncid|mod|fbclid|gclid|mc_[ce]id|guccounter|soc_src|soc_trk|yptr|ftcamp)$",
    re.IGNORECASE,
)
_HOST = re.compile(r"^[\w\-]+(?:\.[\w\-]+)*\.?$")
_DEFAULT_PORTS = {None, 80, 443}
# Characters that `quote` leaves as they are; "%" so that encoded characters stay encoded once.
_SAFE_CHARACTERS = "/%:=&?~+!$,;'@()*[]"
# A link that is canonical already need not be taken apart, which is slow.
_CANONICAL_URL = re.compile(r"https?://[a-z0-9\-]+(?:\.[a-z0-9\-]+)*(?:/[a-zA-Z0-9_.~/%:=&+!$,;'@()*\[\]\-]*)?")


def clean(raw: str, limit: int = TITLE_LIMIT) -> tuple[str, bool]:
    """Return the plain text of a title, lead or name, and whether anything was cut off.

    Unicode is normalised to NFKC; control, direction and zero-width characters, entities and tags are removed; white
    space is collapsed. Text beyond `limit` characters is cut at a word.
    """
    # "&amp;lt;b&amp;gt;" hides a tag under two layers; every layer makes the text shorter.
    text = raw[:_RAW_LIMIT]
    plain = _remove_layer(text)
    while plain != text:
        text = plain
        plain = _remove_layer(text)

    if len(text) <= limit:
        return text, len(raw) > _RAW_LIMIT
    # One character more than the limit, so that a word that ends at the limit stays.
    whole_words = text[: limit + 1].rsplit(" ", 1)[0]
    return whole_words[:limit].rstrip(), True


def _remove_layer(text: str) -> str:
    """Remove one layer of entities, unwanted characters and markup."""
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = _remove_unprintable(text)
    if "<" in text:
        text = _HIDDEN_MARKUP.sub(" ", text)
        text = _INLINE_TAG.sub("", text)
        text = _BLOCK_TAG.sub(" ", text)
    return " ".join(text.split())


def _remove_unprintable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(map(_printable, text))


def _printable(character: str) -> str:
    """Return what replaces a character: white space becomes a blank, an unwanted character nothing."""
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _UNWANTED_CATEGORIES else character


def content_address(text: str) -> str:
    """Return the SHA-256 of a text in hexadecimal, the key of its scores."""
    return hashlib.sha256(text.encode()).hexdigest()


def readable(title: str) -> str:
    """Return what a model reads of a clean title: without cashtags, links, retweet marks and feeds' wrappers.

    Words keep their case and order. Empty where the title holds nothing but such noise.
    """
    # Each substitution runs only where its sign occurs: most titles have none.
    text = title
    if "RT @" in text:
        text = _RETWEET.sub("", text)
    if "/" in text or "www." in text.lower():
        text = _LINK.sub(" ", text)
    text = _MEDIA_MARKER.sub("", text)

    # Cashtags, and the punctuation that they leave.
    if "$" in text:
        text = _FILING_CASHTAGS.sub(" ", text)
        text = _CASHTAG_WORD.sub(" ", text)
        text = _EMPTY_BRACKETS.sub(" ", text)
        text = _STRAY_COMMA.sub("", text)
    if "#" in text:
        text = _FILING_HASHTAGS.sub("", text)
        text = _HASH_SIGN.sub("", text)
    text = _trim(text)

    # A wrapper can only be seen once what surrounds it is gone.
    wrapped = _WRAPPED_TITLE.match(text)
    if wrapped:
        text = _trim(wrapped["title"])
    text = _trim(_MEDIA_MARKER.sub("", text))
    has_words = any(character.isalnum() for character in text)
    return text if has_words else ""


def _trim(text: str) -> str:
    """Collapse white space and remove punctuation at both ends."""
    collapsed = " ".join(text.split())
    # Without punctuation at an end, the two slow searches would find nothing.
    if collapsed and collapsed[0].isalnum() and collapsed[-1].isalnum():
        return collapsed
    return _TRAILING_PUNCTUATION.sub("", _LEADING_PUNCTUATION.sub("", collapsed))


# Each link of a run is needed several times: identity, archive, digest.
@functools.lru_cache(maxsize=8192)
def canonical_url(raw: str | None) -> str:
    """Return the link without tracking parameters, fragment and user name, host in lower case, in printable ASCII.

    Empty where it is no http(s) link with a host: nothing else may become a link in a digest.
    """
    if not raw or len(raw) > _URL_LIMIT:
        return ""
    if _CANONICAL_URL.fullmatch(raw):
        return raw

    text = _remove_unprintable(raw).strip()
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
        port = parts.port
    except ValueError:
        # A malformed host or port: not a link.
        return ""
    if parts.scheme not in {"http", "https"} or not _HOST.match(host):
        return ""

    # The port only where it is not the scheme's own.
    location = host if port in _DEFAULT_PORTS else f"{host}:{port}"

    # Parameters sorted: their order does not change the article.
    parameters: list[str] = []
    for parameter in sorted(parts.query.split("&")):
        name = parameter.split("=", 1)[0]
        if parameter and not _TRACKING_PARAMETER.match(name):
            parameters.append(parameter)
    query = f"?{quote('&'.join(parameters), safe=_SAFE_CHARACTERS)}" if parameters else ""

    path = quote(parts.path, safe=_SAFE_CHARACTERS)
    return f"{parts.scheme}://{quote(location, safe=':')}{path}{query}"


def shorten(text: str, width: int) -> str:
    """Return the text cut at a word to at most `width` characters, an ellipsis in place of the rest."""
    if len(text) <= width:
        return text
    # A word longer than half the width is cut inside, else little of the text would remain.
    last_blank = text.rfind(" ", 0, width)
    end = last_blank if last_blank > width // 2 else width - 1
    return text[:end].rstrip() + "…"


def shorten_counted(text: str, width: int) -> str:
    """Return the text cut as by `shorten`, followed by how many characters are left out."""
    shortened = shorten(text, width)
    if shortened == text:
        return text
    omitted = len(text) - len(shortened.removesuffix("…"))
    return f"{shortened} ({omitted:,} more characters)"


def first_line(message: str, otherwise: str, limit: int = 200) -> str:
    """The first line of somebody else's message, for a line of ours: printable, and cut at `limit` characters.

    Args:
        message: As a library or a server gave it.
        otherwise: What stands in for a message without text.
        limit: Maximum number of characters.
    """
    line = next(iter(message.splitlines()), "")
    printable = "".join(character if character.isprintable() else "?" for character in line).strip()
    return shorten(printable, limit) or otherwise


def short_duration(duration: timedelta) -> str:
    """A duration as readers read it: `12 min`, `9 h`, `1 h 30 min`, `20 days`; a started minute counts."""
    minutes = ceil(duration / timedelta(minutes=1))
    if minutes >= _LONG_MINUTES:
        return f"{round(minutes / _MINUTES_PER_DAY)} days"
    hours, rest = divmod(minutes, 60)
    parts: list[str] = []
    if hours:
        parts.append(f"{hours} h")
    if rest or not hours:
        parts.append(f"{rest} min")
    return " ".join(parts)


def quantity(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: `1 story`, `1,204 headlines`."""
    if number == 1:
        return f"{number:,} {singular}"
    return f"{number:,} {plural or singular + 's'}"

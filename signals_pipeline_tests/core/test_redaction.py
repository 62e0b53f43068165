"""URLs and messages without secrets: nothing of a user, a password, a query or a fragment is ever shown."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.redaction import host_and_path, redact_text, redact_url, redact_urls_in, secrets_in_url


@pytest.mark.parametrize(
    ("url", "shown", "location"),
    [
        ("https://feeds.example.org/rss", "https://feeds.example.org/rss", "feeds.example.org/rss"),
        ("https://desk:S@Feeds.example.org:8443/a?b=S#S", "https://***@Feeds.example.org:8443/a?***#***", None),
        ("https://S@feeds.example.org", "https://***@feeds.example.org", "feeds.example.org"),
        ("http://[::1]:80/x?S", "http://[::1]:80/x?***", "::1/x"),
        ("https://medium.example/@desk?S", "https://medium.example/@desk?***", "medium.example/@desk"),
        ("sqlite:////var/a@b/signals.db", "sqlite:////var/a@b/signals.db", "//var/a@b/signals.db"),
        ("sqlite:///file:/a.db?mode=ro&uri=true", "sqlite:///file:/a.db?mode=ro&uri=true", "/file:/a.db"),
        ("postgresql://u:S@/db?host=%2Ftmp&password=S", "postgresql://***@/db?host=%2Ftmp&***", "/db"),
        ("postgresql://h:5432/db?PASSWORD=S&sslmode=require", "postgresql://h:5432/db?***&sslmode=require", "h/db"),
        ("postgresql://h/db?sslpassword=S;options=S&host=S S", "postgresql://h/db?***", "h/db"),
        # A reserved character in the password: where it ends can't be told.
        ("postgresql://u:S/S@h/db", "postgresql://***", "postgresql://***"),
        ("postgresql://u:5?S@h/db", "postgresql://***", "postgresql://***"),
        ("postgresql://u:5#S@h/db", "postgresql://***", "postgresql://***"),
        ("postgresql://S/S@h/db", "postgresql://***", "postgresql://***"),
        ("https://u%3AS%40feeds.example.org/", "https://***", "https://***"),
        ("https://[S/?S", "https://***", "https://***"),
        ("https://S\nS@h/", "https://***", "https://***"),
        # No URLs.
        ("rss:yaho", "rss:yaho", "rss:yaho"),
        ("http//foo", "http//foo", "http//foo"),
        ("host=h password=S", "***", "***"),
        ("desk:S@feeds.example.org", "***", "***"),
        ("0123456789abcdef", "***", "***"),
        ("http://", "http://", "(no host)"),
        ("", "***", "(no host)"),
    ],
)
def test_of_a_url_is_shown_what_holds_no_secret(url: str, shown: str, location: str | None) -> None:
    assert redact_url(url) == shown
    assert host_and_path(url) == (location or "feeds.example.org/a")


# Long enough not to be in the rest of a URL by chance, and of any characters.
SECRETS = st.text(min_size=1, max_size=8).map(lambda text: f"planted{text}")
FORMS = st.sampled_from([str, lambda secret: quote(secret, safe=""), quote_plus])
HOSTS = st.sampled_from(["h", "h:5432", "feeds.example.org", "feeds.example.org:80", "[::1]", "10.0.0.5", ""])
PLACES = st.sampled_from(
    [
        "{scheme}://desk:{secret}@{host}/path",
        "{scheme}://{secret}@{host}/path",
        "{scheme}://{secret}:x@{host}/path",
        "{scheme}://{host}/path?token={secret}",
        "{scheme}://{host}/path?{secret}",
        "{scheme}://{host}/path?host=a&password={secret}",
        "{scheme}://{host}/path?a=b;sslpassword={secret}&mode=ro",
        "{scheme}://{host}#{secret}",
    ]
)


@given(SECRETS, FORMS, HOSTS, PLACES, st.sampled_from(["https", "postgresql+psycopg2", "s3"]))
def test_no_secret_is_shown_wherever_it_stands(secret: str, form, host: str, place: str, scheme: str) -> None:  # noqa: ANN001
    url = place.format(scheme=scheme, secret=form(secret), host=host)

    assert "planted" not in redact_url(url)
    assert "planted" not in host_and_path(url)


@given(
    SECRETS.filter(lambda secret: not set(secret) & set("/?#@:%&;=+") and secret.isprintable()), FORMS, HOSTS, PLACES
)
def test_what_is_hidden_of_a_url_is_hidden_in_a_message_too(secret: str, form, host: str, place: str) -> None:  # noqa: ANN001
    secrets = secrets_in_url(place.format(scheme="https", secret=form(secret), host=host))

    assert "planted" not in redact_text(f"the server says: {secret} is wrong", secrets)


@given(st.text(max_size=40))
def test_any_text_is_redacted_to_one_line_that_says_no_more(text: str) -> None:
    assert redact_url(text).isprintable()
    assert host_and_path(text).isprintable()
    assert redact_url(f"https://{text}").startswith("https://")
    secrets_in_url(f"https://{text}")


def test_urls_in_a_text_are_redacted_and_the_text_stays() -> None:
    text = "can't load https://desk:S@h/rss?key=S (see 'https://docs.example.org/a'), nor postgresql://u:S@h/db"
    assert redact_urls_in(text) == (
        "can't load https://***@h/rss?*** (see 'https://docs.example.org/a'), nor postgresql://***@h/db"
    )


@given(SECRETS)
def test_a_secret_in_a_message_is_hidden_in_each_encoding(secret: str) -> None:
    encoded = secret.encode(errors="surrogatepass")
    forms = [
        secret,
        quote(encoded, safe=""),
        quote_plus(encoded),
        base64.b64encode(encoded).decode(),
        json.dumps({"text": secret}),
        repr(secret),
    ]

    message = redact_text(" ".join(forms), ["", secret])

    assert secret not in message
    assert "planted" not in message
    assert base64.b64encode(encoded).decode() not in message


def test_a_blank_may_be_a_plus_sign_in_a_url() -> None:
    assert secrets_in_url("https://u:S+T@h/?k=S%2BT") == ("u:S+T", "u:S T", "u", "S+T", "S T")


def test_of_a_secret_that_is_part_of_another_nothing_is_left() -> None:
    assert redact_text("abcdef abc", ["abc", "abcdef"]) == "*** ***"


def test_where_a_password_ends_nobody_knows_everything_before_the_host_is_a_secret() -> None:
    assert secrets_in_url("postgresql://u:S/T@h/db") == ("u:S/T", "u", "S/T")
    assert secrets_in_url("no URL") == ()

"""The public read path: CloudFront's function, the links' Lambda, and the rights and headers of their template."""

import base64
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote, unquote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.aws.template import FROM_PUBLIC
from signals_pipeline.core.digest import links
from signals_pipeline.core.digest.links import FeedbackFields
from signals_pipeline.core.digest.reader_requests import Rate, Suppress, parse_request
from signals_pipeline.settings import Settings
from signals_pipeline.web import middleware
from signals_pipeline.web.publication import SitePublisher, object_name
from signals_pipeline_tests.support.alarm_evaluator import fired
from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.digest_examples import WINDOWS
from signals_pipeline_tests.support.digest_pages import Page
from signals_pipeline_tests.support.edge_function import (
    TOKEN,
    EdgeFunction,
    edge_function,
    event,
    served_files,
    token_hash,
)
from signals_pipeline_tests.support.published_site import walk
from signals_pipeline_tests.support.stack_template import PARAMETERS, Template, parsed
from signals_pipeline_tests.support.web_site import NOW, TOLD, fill, settings_of, site

DEPLOY = repository() / "deploy"
PUBLIC = Template(stack="signals-public", given={"Stack": "signals"}, body=parsed((DEPLOY / "public.yaml").read_text()))
TOLD_BY_PUBLIC = {name: PUBLIC.resolve(PUBLIC.body["Outputs"][name]["Value"]) for name in FROM_PUBLIC}
MAIN = Template(given=PARAMETERS | {"Public": "yes"} | TOLD_BY_PUBLIC)
KEY = "k" * 40
READER = "o'neil+news@example.org"


def test_cfn_lint_finds_nothing_and_the_template_fits_inline() -> None:
    path = DEPLOY / "public.yaml"
    lint = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "us-east-1", "eu-central-1", "--", str(path)]
    done = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)
    assert path.stat().st_size < 51_200


def test_the_code_in_the_template_is_that_of_the_files_and_within_its_limits() -> None:
    """Lambda takes 4,096 characters inline, CloudFront a function of 10 KB."""
    [function] = PUBLIC.body["Resources"]["LinkFunction"]["Properties"]["Code"].values()
    assert function == (DEPLOY / "public_links.py").read_text()
    assert len(function) <= 4096
    edge = PUBLIC.body["Resources"]["PageFunction"]["Properties"]["FunctionCode"]["Fn::Sub"]
    assert edge == (DEPLOY / "public_pages.js").read_text()
    assert len(edge) < 10_000
    assert re.findall(r"\$\{\w+\}", edge) == ["${PageAccess}"]


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages_open() -> Iterator[EdgeFunction]:
    with edge_function("open") as function:
        yield function


@pytest.fixture(scope="module")
def pages_restricted() -> Iterator[EdgeFunction]:
    with edge_function(token_hash()) as function:
        yield function


SYMBOLS = st.text("ABZ019.^=-", min_size=1, max_size=8)
NAMES = st.builds(lambda window, symbol: f"{window.key}-{symbol}-SELL", st.sampled_from(WINDOWS), SYMBOLS)
ADDRESSES = st.one_of(
    st.sampled_from([("/", ()), ("/record", ()), ("/style.css", ()), ("/feed.xml", ()), ("/api/v1/digest", ())]),
    st.builds(lambda window: ("/", (("before", window.key),)), st.sampled_from(WINDOWS)),
    st.builds(lambda window: ("/api/v1/digest", (("window", window.key),)), st.sampled_from(WINDOWS)),
    st.builds(lambda name: (f"/signals/{name}", ()), NAMES),
    st.builds(lambda name: ("/signals", (("after", name),)), NAMES),
    st.builds(lambda symbol, name: (f"/companies/{symbol}", (("after", name),)), SYMBOLS, NAMES),
    st.sampled_from([("/companies", ()), ("/glossary", ()), ("/uplot.js", ()), ("/api/v1/signals.parquet", ())]),
    st.builds(lambda name: ("/api/v1/signals", (("after", name),)), NAMES),
    st.builds(lambda symbol, name: ("/api/v1/signals", (("symbol", symbol), ("after", name))), SYMBOLS, NAMES),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=ADDRESSES, encoded=st.booleans(), stray=st.booleans())
def test_the_function_names_the_file_as_the_publication_does(
    pages_open: EdgeFunction, address: tuple[str, tuple[tuple[str, str], ...]], *, encoded: bool, stray: bool
) -> None:
    path, query = address
    # The API refuses parameters that a list of signals does not have.
    stray = stray and not path.startswith("/api/v1/signals")
    asked = [*query, ("utm_source", "x")] if stray else [*query]
    search = urlencode(asked) if encoded else "&".join(f"{name}={value}" for name, value in asked)
    request = pages_open(event(f"{quote(path) if encoded else path}?{search}"))
    assert request["querystring"] == {}
    assert request["uri"] == "/" + quote(object_name(path, query), safe="/~*'()!")


def test_parameters_that_files_do_not_answer_are_refused_and_not_ignored(pages_open: EdgeFunction) -> None:
    signals = "/api/v1/signals"
    refused = ("limit=3", "signal_type=BUY", "symbol=XOM&from=2015-02-02", "utm_source=x")
    tables = (f"{signals}.csv?symbol=XOM", f"{signals}.csv?after=x")
    for target in ("/api/v1/digests?limit=3", *tables, *(f"{signals}?{query}" for query in refused)):
        answer = pages_open(event(target))
        assert answer["statusCode"] == 404, target
        assert "of signals by one symbol and after alone" in json.loads(answer["body"]["data"])["detail"]
    repeated = event(f"{signals}?symbol=XOM")
    repeated["request"]["querystring"]["symbol"] = {"value": "XOM", "multiValue": [{"value": "XOM"}, {"value": "KO"}]}
    assert pages_open(repeated)["statusCode"] == 404


def test_a_form_whose_answer_is_no_file_leads_to_what_there_is(pages_open: EdgeFunction) -> None:
    answer = pages_open(event("/signals?symbol=&from=2015-02-02&lifecycle="))
    assert (answer["statusCode"], answer["headers"]["location"]["value"]) == (302, "/companies#published")
    # A form that was left empty asks for the whole list, and a search is made by the page itself.
    assert pages_open(event("/signals?symbol=&from=&lifecycle="))["uri"] == "/signals.html"
    assert pages_open(event("/companies?q=depot"))["uri"] == "/companies.html"


def test_a_symbol_may_be_written_in_any_case_and_the_table_is_a_file(pages_open: EdgeFunction) -> None:
    lower = pages_open(event("/api/v1/signals?symbol=xom"))
    assert lower["uri"] == quote("/api/v1/signals@symbol=XOM.json")
    assert pages_open(event("/api/v1/signals.csv"))["uri"] == "/api/v1/signals.csv"
    assert pages_open(event("/docs"))["uri"] == "/docs.html"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application with a token, over an empty database."""
    path = tmp_path_factory.mktemp("guarded") / "signals.db"
    path.write_bytes(Path(migrated_template("sqlite")).read_bytes())
    with site(f"sqlite:///{path}", signals_web_token=TOKEN) as opened:
        yield opened


CREDENTIALS = st.one_of(
    st.just(TOKEN),
    st.sampled_from([TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "", " "]),
    st.sampled_from([f"user:{TOKEN}", f":{TOKEN}", f"user:x:{TOKEN}", TOKEN, "user:"]).map(
        lambda text: base64.b64encode(text.encode()).decode()
    ),
    st.text("ab:=/+ ", max_size=12),
)
AUTHORIZATIONS = st.none() | st.builds(
    lambda scheme, gap, text: f"{scheme}{gap}{text}",
    st.sampled_from(["Bearer", "bearer", "Basic", "BASIC", "Digest", ""]),
    st.sampled_from([" ", "  ", ""]),
    CREDENTIALS,
)


# As a cookie or a link's parameter has it; the last is not what percent-encoding makes.
SECRETS = st.sampled_from([TOKEN, TOKEN[:-1], TOKEN.upper(), "", "x"]).map(quote) | st.just("%zz")
COOKIES = st.lists(st.tuples(st.sampled_from(["signals_access", "Signals_Access", "other"]), SECRETS), max_size=3).map(
    lambda pairs: "; ".join(f"{name}={value}" for name, value in pairs)
)
QUERIES = st.lists(st.tuples(st.sampled_from(["access", "Access", "utm"]), SECRETS), max_size=3).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=AUTHORIZATIONS,
    cookie=COOKIES,
    query=QUERIES,
    path=st.sampled_from(["/", "/record", "/api/v1/digests", "/style.css", "/icon.svg"]),
)
def test_access_means_the_same_as_in_the_application(
    pages_restricted: EdgeFunction, guarded: TestClient, *, header: str | None, cookie: str, query: str, path: str
) -> None:
    headers = {} if header is None else {"authorization": header.strip()}
    if cookie:
        headers["cookie"] = cookie
    target = f"{path}?{query}" if query else path
    guarded.cookies.clear()
    expected = guarded.get(target, headers=headers, follow_redirects=False)
    answer = pages_restricted(event(target, headers))
    if expected.status_code == 302:
        assert answer["statusCode"] == 302
        assert answer["headers"]["cache-control"]["value"] == expected.headers["cache-control"] == "no-store"
        # Parameters of one name are together in the function's event.
        places = [answer["headers"]["location"]["value"], expected.headers["location"]]
        assert len({tuple(sorted(place.partition("?")[2].split("&"))) for place in places}) == 1
        assert {place.partition("?")[0] for place in places} == {path}
        assert all(quote(TOKEN) not in place or "utm" in place or "Access" in place for place in places)
        [(name, each)] = answer["cookies"].items()
        assert f"{name}={each['value']}; {each['attributes']}" == expected.headers["set-cookie"]
        return
    if expected.status_code != 401:
        assert "statusCode" not in answer
        return
    assert answer["statusCode"] == 401
    assert answer["body"]["data"] == expected.text
    for name in ("content-type", "www-authenticate"):
        assert answer["headers"][name]["value"] == expected.headers[name]


def test_closed_pages_let_nobody_in_and_open_ones_everybody() -> None:
    with edge_function("closed") as function:
        for header in ({}, {"authorization": f"Bearer {TOKEN}"}, {"cookie": "signals_access=closed"}):
            assert function(event("/", header))["statusCode"] == 401
        assert function(event("/?access=closed"))["statusCode"] == 401
    assert PUBLIC.body["Parameters"]["PageAccess"]["Default"] == "closed"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of `fill`, published to a folder."""
    place = tmp_path_factory.mktemp("published")
    path = place / "signals.db"
    path.write_bytes(Path(migrated_template("sqlite")).read_bytes())
    fill(f"sqlite:///{path}")
    published = settings_of(f"sqlite:///{path}", signals_publish_url=f"file://{place}/site")
    SitePublisher(published, now=lambda: NOW).publish()
    return place / "site"


def test_every_link_works_over_http_and_the_guides_verification_passes(folder: Path) -> None:
    """Test Digest Generation of the deployment guide: HTTP 200, `items` with source and `ml_confidence`."""
    with served_files(folder) as address, httpx.Client(base_url=address) as browser:

        def read(target: str) -> bytes | None:
            answer = browser.get(target)
            return answer.content if answer.status_code == 200 else None

        found = walk(read, "/", "/feed.xml", "/api/v1/digests", "/api/v1/signals")
        assert f"/digests/{TOLD.key}" in found
        digest = browser.get("/api/v1/digest")
        missing = browser.get("/digests/2015-02-02-17:30")
    assert (digest.status_code, digest.headers["content-type"]) == (200, "application/json")
    assert digest.json()["items"][0]["source"] == "news_driven_ml"
    assert "ml_confidence" in digest.json()["items"][0]["metadata"]
    assert (missing.status_code, "Nothing exists at this address." in Page(missing.text).text) == (404, True)


def test_pages_on_s3_have_the_names_and_types_that_the_function_asks_for(
    aws: str,  # noqa: ARG001
    tmp_path: Path,
    pages_open: EdgeFunction,
) -> None:
    path = tmp_path / "signals.db"
    path.write_bytes(Path(migrated_template("sqlite")).read_bytes())
    fill(f"sqlite:///{path}")
    client("s3").create_bucket(Bucket="pages")
    published = settings_of(f"sqlite:///{path}", signals_publish_url="s3://pages/public")
    assert SitePublisher(published, now=lambda: NOW).publish().problems == []
    for target, media_type in (
        ("/", "text/html; charset=utf-8"),
        (f"/signals/{TOLD.key}-AAA-BUY", "text/html; charset=utf-8"),
        (f"/api/v1/digest?window={quote(TOLD.key)}", "application/json"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/feed.xml", "application/atom+xml"),
    ):
        key = unquote(pages_open(event(target))["uri"]).removeprefix("/")
        stored = client("s3").get_object(Bucket="pages", Key=f"public/{key}")
        assert (stored["ContentType"], stored["CacheControl"]) == (media_type, "private, no-cache"), target
    assert SitePublisher(published, now=lambda: NOW).publish().written == 0


def test_with_a_token_the_guides_request_needs_it(folder: Path) -> None:
    with served_files(folder, token_hash()) as address, httpx.Client(base_url=address) as browser:
        assert browser.get("/api/v1/digest").status_code == 401
        assert browser.get("/api/v1/digest", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert browser.get("/", auth=("anybody", TOKEN)).status_code == 200


def test_a_link_with_the_token_lets_a_browser_in_until_the_token_changes(folder: Path) -> None:
    """Over HTTP: the cookie is bounded, for HTTPS, hidden from scripts, and the token leaves the address."""
    with served_files(folder, token_hash()) as address, httpx.Client(base_url=address) as browser:
        assert browser.get("/record?access=wrong").status_code == 401
        let_in = browser.get(f"/record?access={quote(TOKEN)}&utm_source=mail")
        assert (let_in.status_code, let_in.headers["location"]) == (302, "/record?utm_source=mail")
        value, *attributes = let_in.headers["set-cookie"].split("; ")
        assert attributes == ["Path=/", "Max-Age=2592000", "Secure", "HttpOnly", "SameSite=Lax"]
        # A browser sends it over HTTPS alone.
        assert browser.get("/record").status_code == 401
        for path in ("/record", "/", "/api/v1/digest"):
            assert browser.get(path, headers={"cookie": f"theme=dark; {value}"}).status_code == 200
        # An address of another host is none to be sent to.
        elsewhere = browser.get(f"{address}//evil.example/?access={quote(TOKEN)}")
        assert elsewhere.headers["location"] == "/evil.example/"
    with served_files(folder, token_hash("another token")) as address:
        assert httpx.get(f"{address}/record", headers={"cookie": value}).status_code == 401


def test_answers_carry_the_applications_security_headers() -> None:
    [policy] = PUBLIC.of_type("AWS::CloudFront::ResponseHeadersPolicy").values()
    config = policy["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    given = {
        "content-security-policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "x-content-type-options": "nosniff",
        "x-frame-options": security["FrameOptions"]["FrameOption"],
        "referrer-policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        "strict-transport-security": f"max-age={security['StrictTransportSecurity']['AccessControlMaxAgeSec']}",
        **{item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]},
    }
    headers = (*middleware.HEADERS, middleware.HSTS)
    assert given == {name.decode(): value.decode() for name, value in headers}
    [distribution] = PUBLIC.of_type("AWS::CloudFront::Distribution").values()
    behaviours = _behaviours(distribution)
    assert {each["ResponseHeadersPolicyId"] for each in behaviours} == {PUBLIC.resolve({"Ref": "Headers"})}


def _behaviours(distribution: dict[str, Any]) -> list[dict[str, Any]]:
    config = distribution["DistributionConfig"]
    return [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]


# --- links ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def lambda_module(aws: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:  # noqa: ARG001
    """The function's module with its key and queue in the stand-in."""
    client("ssm").put_parameter(Name="/signals/link-key", Value=KEY, Type="SecureString")
    monkeypatch.setenv("LINK_KEY", "/signals/link-key")
    monkeypatch.setenv("QUEUE", client("sqs").create_queue(QueueName="readers")["QueueUrl"])
    spec = importlib.util.spec_from_file_location("public_links", DEPLOY / "public_links.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(module: ModuleType, method: str, url: str) -> dict[str, Any]:
    """What the function answers to a request, as a function URL sends it (payload version 2.0)."""
    path, _, query = url.partition("?")
    parameters = dict(pair.split("=") for pair in query.split("&")) if query else None
    asked = {"version": "2.0", "rawPath": path, "rawQueryString": query, "requestContext": {"http": {"method": method}}}
    return module.handler(asked | ({"queryStringParameters": parameters} if parameters else {}), None)


def queued(module: ModuleType) -> list[str]:  # noqa: ARG001 - its queue
    url = client("sqs").get_queue_url(QueueName="readers")["QueueUrl"]
    messages = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [message["Body"] for message in messages]


def now() -> datetime:
    return datetime.now(UTC)


def test_opening_a_link_queues_nothing_and_posting_it_queues_what_the_run_then_applies(
    lambda_module: ModuleType,
) -> None:
    url = links.unsubscribe_url("", READER, as_of=now(), key=KEY)
    shown = call(lambda_module, "GET", url)
    call(lambda_module, "HEAD", url)
    assert queued(lambda_module) == []
    page = Page(shown["body"])
    assert [attributes["action"] for tag, attributes in page.tags if tag == "form"] == [url]
    assert READER in page.text
    assert shown["headers"]["cache-control"] == "no-store"
    done = call(lambda_module, "POST", url)
    assert (done["statusCode"], f"No digests will be sent to {READER}." in Page(done["body"]).text) == (200, True)
    [body] = queued(lambda_module)
    assert READER not in body
    assert parse_request(body, sent_at=now(), key=KEY) == Suppress((READER,), "unsubscribed")


def test_feedback_asks_first_with_the_clicked_verdict_on_top(lambda_module: ModuleType) -> None:
    fields = FeedbackFields("2026-02-27-17:30", "BRK.B", "SELL", links.recipient_hash(READER, key=KEY))
    url = links.feedback_url("", fields, "not_useful", as_of=now(), key=KEY)
    page = Page(call(lambda_module, "GET", url)["body"])
    actions = [str(attributes["action"]) for tag, attributes in page.tags if tag == "form"]
    assert [action.rpartition("=")[2] for action in actions] == ["not_useful", "useful"]
    assert call(lambda_module, "POST", actions[0])["statusCode"] == 200
    [body] = queued(lambda_module)
    assert parse_request(body, sent_at=now(), key=KEY) == Rate(fields, "not_useful")
    assert call(lambda_module, "POST", url.partition("?")[0])["statusCode"] == 422
    assert call(lambda_module, "POST", f"{url.partition('?')[0]}?verdict=maybe")["statusCode"] == 422


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    purpose=st.sampled_from(["unsubscribe", "feedback"]),
    used_for=st.sampled_from(["unsubscribe", "feedback"]),
    fields=st.fixed_dictionaries({name: st.text(max_size=30) for name in ("r", "s", "t", "w")}),
    days=st.integers(-3, 3),
    key=st.sampled_from([KEY, KEY, "another key of thirty-two characters"]),
    damage=st.none() | st.tuples(st.integers(0, 400), st.characters(max_codepoint=0x2FF)),
)
def test_the_function_and_the_pipeline_agree_on_every_link(
    lambda_module: ModuleType,
    *,
    purpose: links.LinkPurpose,
    used_for: links.LinkPurpose,
    fields: dict[str, str],
    days: int,
    key: str,
    damage: tuple[int, str] | None,
) -> None:
    token = links.sign_link(purpose, fields, expires_on=now().date() + timedelta(days=days), key=key)
    if damage is not None:
        place, character = damage
        token = token[: place % len(token)] + character + token[place % len(token) + 1 :]
    expected: dict[str, str] | None
    try:
        expected = links.verify_link(used_for, token, as_of=now(), key=KEY)
    except links.LinkError:
        expected = None
    actual: dict[str, str] | None
    try:
        actual = lambda_module.verify(used_for, token)
    except lambda_module.Refused:
        actual = None
    assert actual == expected


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/unsubscribe/x.y", 403),
        ("POST", "/unsubscribe/", 403),
        ("POST", "/feedback/nothing", 403),
        ("GET", "/", 404),
        ("GET", "/unsubscribe", 404),
        ("GET", "/unsubscribe/a/b", 404),
    ],
)
def test_what_is_no_link_of_ours_is_refused(lambda_module: ModuleType, method: str, path: str, status: int) -> None:
    assert call(lambda_module, method, path)["statusCode"] == status
    assert queued(lambda_module) == []


def test_other_methods_and_a_queue_that_fails_say_so_without_the_address(
    lambda_module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = links.unsubscribe_url("", READER, as_of=now(), key=KEY)
    assert call(lambda_module, "DELETE", url)["statusCode"] == 405
    monkeypatch.setenv("QUEUE", "http://127.0.0.1:1/none")
    answer = call(lambda_module, "POST", url)
    assert answer["statusCode"] == 503
    assert READER not in answer["body"]
    printed = capsys.readouterr()
    assert printed.out.startswith("not queued: ")
    assert READER not in printed.out + printed.err


def test_an_address_that_looks_like_markup_is_escaped(lambda_module: ModuleType) -> None:
    for reader in ("a<b>&\"'@example.org", "{0}@example.org"):
        url = links.unsubscribe_url("", reader, as_of=now(), key=KEY)
        for method in ("GET", "POST"):
            assert reader in Page(call(lambda_module, method, url)["body"]).text


# --- the stack ------------------------------------------------------------------------------------------------------


def test_only_cloudfront_reads_the_pages_and_links_go_to_the_function() -> None:
    [bucket] = PUBLIC.of_type("AWS::S3::Bucket").values()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    statements = PUBLIC.of_type("AWS::S3::BucketPolicy")["BucketPolicy"]["PolicyDocument"]["Statement"]
    allowed = [each for each in statements if each["Effect"] == "Allow"]
    assert {each["Principal"]["Service"] for each in allowed} == {"cloudfront.amazonaws.com"}
    assert {each["Action"] for each in allowed} == {"s3:GetObject", "s3:ListBucket"}
    assert all("aws:SourceArn" in each["Condition"]["StringEquals"] for each in allowed)
    [distribution] = PUBLIC.of_type("AWS::CloudFront::Distribution").values()
    config = distribution["DistributionConfig"]
    assert config["PriceClass"] == "PriceClass_100"
    pages, *to_links = _behaviours(distribution)
    assert (pages["TargetOriginId"], pages["AllowedMethods"]) == ("pages", ["GET", "HEAD"])
    assert {each["PathPattern"] for each in to_links} == {"/unsubscribe/*", "/feedback/*"}
    assert {each["TargetOriginId"] for each in to_links} == {"links"}
    # One-click must post; a redirect to HTTPS would lose the body and the method.
    assert all({"GET", "POST"} <= set(each["AllowedMethods"]) for each in to_links)
    origins = {each["Id"]: each for each in config["Origins"]}
    assert origins["links"]["DomainName"] == "function.lambda-url.example"
    assert origins["pages"]["OriginPath"] == "/public"
    assert config["CustomErrorResponses"][0]["ResponsePagePath"] == f"/{object_name('/404').replace('.html', '')}.html"


def test_the_function_may_queue_and_read_its_key_and_nothing_else() -> None:
    [role] = PUBLIC.of_type("AWS::IAM::Role").values()
    [policy] = role["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    rights = {json.dumps(each["Action"]): each["Resource"] for each in statements}
    assert list(rights) == [
        '"sqs:SendMessage"',
        '"ssm:GetParameter"',
        '"kms:Decrypt"',
        '["logs:CreateLogStream", "logs:PutLogEvents"]',
    ]
    assert rights['"ssm:GetParameter"'].endswith(":parameter/signals/link-key")
    assert not [each for each in statements if each["Resource"] == "*"]
    permissions = PUBLIC.of_type("AWS::Lambda::Permission").values()
    # Since October 2025 function URLs need both.
    assert {each["Action"] for each in permissions} == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    assert all(each.get("FunctionUrlAuthType") == "NONE" or each["InvokedViaFunctionUrl"] for each in permissions)


def test_bounces_and_complaints_reach_the_queue_that_runs_drain() -> None:
    [destination] = PUBLIC.of_type("AWS::SES::ConfigurationSetEventDestination").values()
    assert destination["EventDestination"]["MatchingEventTypes"] == ["bounce", "complaint"]
    topic = PUBLIC.resolve({"Ref": "MailEvents"})
    assert destination["EventDestination"]["SnsDestination"] == {"TopicARN": topic}
    [subscription] = PUBLIC.of_type("AWS::SNS::Subscription").values()
    assert (subscription["TopicArn"], subscription["Protocol"], subscription["RawMessageDelivery"]) == (
        topic,
        "sqs",
        True,
    )
    queues = PUBLIC.of_type("AWS::SQS::Queue")
    assert queues["Queue"]["RedrivePolicy"]["maxReceiveCount"] == 3
    assert {each["MessageRetentionPeriod"] for each in queues.values()} == {14 * 24 * 3600}
    [statement] = PUBLIC.of_type("AWS::SQS::QueuePolicy")["QueuePolicy"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": topic}}


def test_the_main_stack_is_given_what_this_one_has_and_only_where_it_is_public() -> None:
    """By parameters: CloudFormation changes no output that another stack imports, and a domain changes the address."""
    for name in ("stack.yaml", "public.yaml"):
        assert not re.search("ImportValue|Export", (DEPLOY / name).read_text())
    assert set(FROM_PUBLIC) <= set(MAIN.body["Parameters"])
    for template, address in ((MAIN, "https://distribution.cloudfront.example"), (Template(), "")):
        for task in template.of_type("AWS::ECS::TaskDefinition").values():
            for container in task["ContainerDefinitions"]:
                variables = {each["Name"]: each["Value"] for each in container.get("Environment", ())}
                linking = container["Name"] in {"run", "code", "digests"} and not task["Family"].endswith("prepare")
                assert variables.get("SIGNALS_BASE_URL") == (address if linking else None), container["Name"]
                assert variables.get("SIGNALS_PUBLISH_URL", "") in ("", "s3://signals-public-Bucket/public")
    assert not Template().of_type("AWS::IAM::Policy")
    assert set(MAIN.of_type("AWS::IAM::Policy")) == {"ReaderPolicy", "PublishPolicy"}


def test_runs_may_drain_publish_and_name_the_configuration_set_and_no_more() -> None:
    policies = MAIN.of_type("AWS::IAM::Policy")
    assert policies["PublishPolicy"]["Roles"] == [MAIN.resolve({"Ref": "RunRole"})]
    actions: set[str] = set()
    for policy in policies.values():
        for statement in policy["PolicyDocument"]["Statement"]:
            actions |= set([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
            assert ":signals-public-" in statement["Resource"].replace("/signals", ":signals")
    assert actions == {
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "ses:SendEmail", "ses:SendRawEmail"),
        *("s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    }


def test_addresses_are_in_the_environment_of_those_alone_who_send() -> None:
    given = PARAMETERS | {"DigestRecipients": "ann@example.org", "OperatorNotices": "o@example.org"}
    for task in Template(given=given).of_type("AWS::ECS::TaskDefinition").values():
        for container in task["ContainerDefinitions"]:
            values = [each["Value"] for each in container.get("Environment", ())]
            if container["Name"] in {"daemon", "ui", "digests"}:
                assert not [value for value in values if value in given.values()], container["Name"]


def test_a_request_that_was_never_applied_alarms_the_operator() -> None:
    [(name, alarm)] = PUBLIC.of_type("AWS::CloudWatch::Alarm").items()
    assert alarm["AlarmName"] == f"signals-{name}"
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "signals-public-DeadLetters"}]
    topic = MAIN.of_type("AWS::SNS::Topic")["OperatorTopic"]["TopicName"]
    assert [each.rsplit(":", 1)[1] for each in alarm["AlarmActions"] + alarm["OKActions"]] == [topic, topic]
    start = datetime(2026, 3, 2, 12, tzinfo=UTC)
    empty = [(start + timedelta(minutes=n), 0.0) for n in range(60)]
    assert fired(alarm, {alarm["MetricName"]: empty}, start, start + timedelta(hours=1)) == []
    # SQS tells nothing of a queue that nobody has used for six hours; a message that is left is told once.
    left = [*empty, *((start + timedelta(minutes=60 + n), 1.0) for n in range(120))]
    [when] = fired(alarm, {alarm["MetricName"]: left}, start, start + timedelta(days=3))
    assert start + timedelta(minutes=60) < when <= start + timedelta(minutes=70)


def test_a_certificate_is_asked_for_with_a_domain() -> None:
    named = Template(
        stack="signals-public",
        given={"Stack": "signals", "DomainName": "desk.example.org", "CertificateArn": "arn"},
        body=PUBLIC.body,
    )
    [distribution] = named.of_type("AWS::CloudFront::Distribution").values()
    assert distribution["DistributionConfig"]["Aliases"] == ["desk.example.org"]
    assert distribution["DistributionConfig"]["ViewerCertificate"]["AcmCertificateArn"] == "arn"
    assert named.resolve(named.body["Outputs"]["PublicUrl"]["Value"]) == "https://desk.example.org"
    assert PUBLIC.resolve(PUBLIC.body["Outputs"]["PublicUrl"]["Value"]) == "https://distribution.cloudfront.example"
    assert Settings.checked(signals_base_url="https://desk.example.org").signals_base_url
    assert "CertificateArn" in PUBLIC.body["Rules"]["DomainHasCertificate"]["Assertions"][0]["AssertDescription"]

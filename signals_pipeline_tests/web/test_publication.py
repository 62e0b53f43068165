"""Published files: what the application answers, only what changed, and no link to nothing at any moment."""

import shutil
import signal as signals
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from starlette.testclient import TestClient

from signals_pipeline.adapters.publication import FolderStore, PublicationError, PublicationReport
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.outcomes import OutcomeRepository
from signals_pipeline.web.publication import MANIFEST, SitePublisher, object_name
from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.digest_examples import WINDOWS, digest_of, outcome_rows, signal
from signals_pipeline_tests.support.edge_function import TOKEN
from signals_pipeline_tests.support.memory_store import MemoryStore
from signals_pipeline_tests.support.published_site import LISTS, name_of, walk
from signals_pipeline_tests.support.web_site import (
    NOW,
    PARTS,
    TOLD,
    WATCHLIST,
    add_prices,
    decide,
    fill,
    revise,
    settings_of,
    site,
    tell,
)

BASE = "http://site.example"
ENTRANCES = (
    "/",
    "/record",
    "/feed.xml",
    "/api/v1/signals.csv",
    *LISTS,
    "/api/v1/digest",
    "/api/v1/record",
    "/api/v1/signals?symbol=AAA",
)


def publish(url: str, store: MemoryStore, *, everything: bool = False, **changes: object) -> PublicationReport:
    settings = settings_of(url, **{"signals_base_url": BASE, **changes})
    return SitePublisher(settings, store, now=lambda: NOW).publish(everything=everything)


def reader_of(store: MemoryStore, client: TestClient | None = None):  # noqa: ANN201 - a function of an address
    """Read a published file; with a client, assert that the application answers the same."""

    def read(address: str) -> bytes | None:
        found = store.objects.get(name_of(address))
        if found is None:
            return None
        if client is not None:
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert answer.content == found.body, address
            assert answer.headers["content-type"] == found.content_type, address
            assert answer.headers.get("cache-control", "private, no-cache") == found.cache_control, address
        return found.body

    return read


@pytest.fixture(scope="module")
def large_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The rows of `fill`, a revision, more digests than a page of the archive has, more signals than one of the API."""
    path = tmp_path_factory.mktemp("large") / "signals.db"
    url = f"sqlite:///{shutil.copy(migrated_template('sqlite'), path)}"
    fill(url)
    for window in WINDOWS[7:44]:
        tell(url, digest_of(window, mode="backfill"))
    for window in WINDOWS[8:11]:
        decide(url, window, [signal(f"S{window.start:%d%H}{number:02d}", window=window) for number in range(20)])
    revise(url, TOLD, digest_of(TOLD))
    return url


def test_every_file_is_what_the_application_answers_and_every_link_leads_to_one(large_url: str) -> None:
    store = MemoryStore()
    report = publish(large_url, store)
    assert report.problems == []
    assert report.pages == report.rendered == report.written == len(store.objects) - 1  # and the manifest
    with site(large_url, signals_base_url=BASE) as client:
        found = walk(reader_of(store, client), *ENTRANCES)
        assert store.objects["404.html"].body == client.get("/nowhere").content
    assert f"/digests/{TOLD.key}/revisions/2" in found
    assert sum(address.startswith("/?before=") for address in found) == 1
    assert sum(address.startswith("/api/v1/signals?after=") for address in found) == 1
    # What is published and not linked is the API's own answer for a window or a signal, and scripts.
    rest = set(store.objects) - {name_of(address) for address in found} - {MANIFEST, "404.html"}
    scripts = {"pages.js", "uplot.js"}
    assert {name.partition("/")[0] for name in rest} == {"api", *scripts}
    for page in ("companies", "glossary", "signals", "companies/AAA"):
        assert f"/{page}" in found
    with site(large_url, signals_base_url=BASE) as client:
        for name in rest:
            path, _, query = (name if name in scripts else name.rpartition(".")[0]).partition("@")
            assert reader_of(store, client)(f"/{path}?{query}" if query else f"/{path}") is not None
    assert f"api/v1/digests/{TOLD.key}/revisions.json" in rest


def test_only_what_changed_is_rendered_and_written(url: str) -> None:
    fill(url)
    store = MemoryStore()
    first = publish(url, store)
    store.written.clear()
    again = publish(url, store)
    # The record depends on the time, too: it is rendered, and not written as it is the same.
    assert (again.pages, again.rendered, again.written, store.written) == (first.pages, 2, 0, [])
    # An outcome becomes known: the signal, the lists that show it, and the record.
    engine = engine_for(url)
    rows = outcome_rows(1, window_start=TOLD.start, decided_at=TOLD.end, known_at=NOW - timedelta(days=1))
    OutcomeRepository(engine).upsert(rows[rows["horizon"] == 10])
    engine.dispose()
    publish(url, store)
    name = f"{TOLD.key}-AAA-BUY"
    assert sorted(store.written) == sorted(
        [
            *(f"signals/{name}.html", f"api/v1/signals/{name}.json"),
            *("api/v1/signals.json", "api/v1/signals.csv", "api/v1/signals@symbol=AAA.json"),
            *("api/v1/signals.parquet", "signals.html", "companies/AAA.html"),
            *("api/v1/record.json", "record.html"),
        ]
    )
    store.written.clear()
    assert publish(url, store, everything=True).written == first.pages


def test_a_new_session_renders_the_pages_whose_charts_go_on(url: str, tmp_path: Path) -> None:
    fill(url)
    add_prices(url)
    (tmp_path / "watchlist.yaml").write_text(WATCHLIST)
    local = {"signals_deployment": "local", "signals_watchlist": tmp_path / "watchlist.yaml"}
    store = MemoryStore()
    publish(url, store, **local)
    settings = settings_of(url, signals_base_url=BASE, **local)
    for later, expected in (
        (NOW, []),
        (NOW + timedelta(days=3), [f"signals/{TOLD.key}-AAA-BUY.html", "companies/AAA.html"]),
        (NOW + timedelta(days=40), [f"signals/{TOLD.key}-AAA-BUY.html", "companies/AAA.html"]),
        # No bar is newer.
        (NOW + timedelta(days=60), []),
    ):
        store.written.clear()
        SitePublisher(settings, store, now=lambda instant=later: instant).publish()
        assert sorted(store.written) == sorted(expected), later


def test_a_page_that_is_no_longer_linked_stays_for_one_publication(large_url: str, tmp_path: Path) -> None:
    """Who has a former page of the archive open can still go on to the next."""
    path = shutil.copy(large_url.removeprefix("sqlite:///"), tmp_path / "signals.db")
    url, store = f"sqlite:///{path}", MemoryStore()
    publish(url, store)
    former = next(name for name in store.objects if name.startswith("index@before="))
    tell(url, digest_of(WINDOWS[44]))
    publish(url, store)
    assert former in store.objects
    assert store.deleted == []
    report = publish(url, store)
    assert former not in store.objects
    assert report.deleted == len(store.deleted) > 0
    walk(reader_of(store), *ENTRANCES)
    assert publish(url, store).deleted == 0


@pytest.fixture(scope="module")
def two_states(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A site, and the same site after another window with a signal."""
    folder = tmp_path_factory.mktemp("states")
    before = f"sqlite:///{shutil.copy(migrated_template('sqlite'), folder / 'before.db')}"
    fill(before)
    path = shutil.copy(folder / "before.db", folder / "after.db")
    after = f"sqlite:///{path}"
    later = signal("CCC", window=WINDOWS[7], parts=PARTS)
    tell(after, digest_of(WINDOWS[7], [later], [signal("AAA", window=TOLD)]))
    decide(after, WINDOWS[7], [later])
    return before, after


def test_a_publication_that_breaks_off_shows_no_link_to_nothing_and_the_next_one_completes_it(
    two_states: tuple[str, str],
) -> None:
    before, after = two_states
    whole = MemoryStore()
    publish(after, whole)
    bodies = {name: each.body for name, each in whole.objects.items() if name != MANIFEST}
    for existing in (None, before):
        number = 0
        while True:
            store = MemoryStore()
            if existing is not None:
                publish(existing, store)
            store.failing_after = len(store.written) + number
            try:
                publish(after, store)
            except PublicationError:
                # Before there is an archive, readers know of no page but those that lists of the API name.
                walk(reader_of(store), *(ENTRANCES if existing else ("/", *LISTS)))
                store.failing_after = None
                publish(after, store)
                healed = {name: each.body for name, each in store.objects.items()}
                assert {name: healed[name] for name in bodies} == bodies
            else:
                break
            number += 5
        assert number > 5


_KILLED = """
import os, signal, sys
from pathlib import Path
from signals_pipeline.adapters.publication import FolderStore
from signals_pipeline.web.publication import SitePublisher
from signals_pipeline_tests.support.web_site import NOW, settings_of

class Killed(FolderStore):
    def write(self, published):
        if published.name == sys.argv[3]:
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(published)

SitePublisher(settings_of(sys.argv[1]), Killed(Path(sys.argv[2])), now=lambda: NOW).publish()
"""


def test_a_process_that_is_killed_while_it_publishes_leaves_pages_whose_links_work(
    two_states: tuple[str, str], tmp_path: Path
) -> None:
    before, after = two_states
    folder = FolderStore(tmp_path / "site")
    SitePublisher(settings_of(before), folder, now=lambda: NOW).publish()
    # The new window's digest: its signals are written, its lists are not.
    command = [sys.executable, "-c", _KILLED, after, str(folder.folder), f"digests/{WINDOWS[7].key}.html"]
    assert subprocess.run(command, check=False).returncode == -signals.SIGKILL

    def read(address: str) -> bytes | None:
        return folder.read(name_of(address))

    assert read(f"/signals/{WINDOWS[7].key}-CCC-BUY") is not None
    assert f"/digests/{WINDOWS[7].key}" not in walk(read, *ENTRANCES)
    SitePublisher(settings_of(after), folder, now=lambda: NOW).publish()
    assert f"/digests/{WINDOWS[7].key}" in walk(read, *ENTRANCES)


def test_a_file_in_doubt_is_written_again_even_if_the_database_is_back_at_its_former_state(
    two_states: tuple[str, str],
) -> None:
    before, after = two_states
    store = MemoryStore()
    publish(before, store)
    former = {name: each.body for name, each in store.objects.items() if name != MANIFEST}
    # The last writes are the entrances; the process ends before the manifest records them.
    store.failing_after = len(store.written) + publish(after, _copy(store)).written
    with pytest.raises(PublicationError):
        publish(after, store)
    assert store.objects["index.html"].body != former["index.html"]
    store.failing_after = None
    publish(before, store)
    assert {name: store.objects[name].body for name in former} == former


def _copy(store: MemoryStore) -> MemoryStore:
    return MemoryStore(objects=dict(store.objects))


def test_access_by_token_and_a_path_of_the_base_url_are_those_of_the_application(url: str) -> None:
    fill(url)
    store = MemoryStore()
    changes = {"signals_web_token": TOKEN, "signals_base_url": f"{BASE}/desk", "signals_web_rate": 1}
    publish(url, store, **changes)
    with site(url, **{**changes, "signals_web_rate": 0}) as client:
        answer = client.get("/desk/", headers={"authorization": f"Bearer {TOKEN}"})
        assert answer.content == store.objects["index.html"].body
    assert f'href="/desk/digests/{TOLD.key}"'.encode() in store.objects["index.html"].body


def test_a_damaged_manifest_is_named_and_everything_is_written_again(url: str) -> None:
    fill(url)
    store = MemoryStore()
    first = publish(url, store)
    for damaged in (b"", b"[]", b'{"files": 3, "outdated": []}', b"\xff"):
        store.objects[MANIFEST] = type(store.objects[MANIFEST])(MANIFEST, damaged, "application/json", "")
        report = publish(url, store)
        assert report.written == first.pages
        assert "manifest.json was damaged" in report.problems[0]


def test_an_empty_database_has_an_archive_that_says_so(url: str) -> None:
    store = MemoryStore()
    publish(url, store)
    with site(url, signals_base_url=BASE) as client:
        walk(reader_of(store, client), "/", *LISTS)
    assert b"No digest yet" in store.objects["index.html"].body
    assert "api/v1/digest.json" not in store.objects


def test_a_digest_that_can_not_be_read_is_published_as_the_application_answers_it(url: str) -> None:
    fill(url)
    import sqlalchemy as sa

    from signals_pipeline.adapters.stores.tables import digest as digests

    engine = engine_for(url)
    with engine.begin() as connection:
        connection.execute(
            sa.update(digests).where(digests.c.window_start == WINDOWS[0].start).values(content="{}", sha256="0" * 64)
        )
    engine.dispose()
    store = MemoryStore()
    report = publish(url, store)
    assert [problem for problem in report.problems if WINDOWS[0].key in problem] == report.problems
    assert report.problems
    walk(reader_of(store), *ENTRANCES)
    # It is tried again each time.
    store.written.clear()
    assert publish(url, store).problems == report.problems


def test_the_feed_is_atom_with_absolute_addresses_that_stay(url: str) -> None:
    fill(url)
    with site(url, signals_base_url=BASE) as client:
        answer = client.get("/feed.xml")
    assert answer.headers["content-type"] == "application/atom+xml"
    space = {"a": "http://www.w3.org/2005/Atom"}
    feed = ET.fromstring(answer.content)  # noqa: S314 - our own
    ids = [each.text or "" for each in feed.findall("a:entry/a:id", space)]
    assert ids[0] == f"{BASE}/digests/{TOLD.key}"
    assert len(ids) == len(set(ids)) == 7
    for required in ("a:id", "a:title", "a:updated", "a:author/a:name"):
        assert feed.findtext(required, namespaces=space)
    assert all(urlsplit(each).scheme == "http" for each in ids)


@pytest.mark.parametrize(
    ("path", "query", "name"),
    [
        ("/", (), "index.html"),
        ("/", (("before", "2015-02-02-17:30"),), "index@before=2015-02-02-17:30.html"),
        ("/signals/2015-02-02-17:30-BRK.B-BUY", (), "signals/2015-02-02-17:30-BRK.B-BUY.html"),
        ("/api/v1/signals", (("symbol", "A"), ("after", "x")), "api/v1/signals@after=x&symbol=A.json"),
        ("/openapi.json", (), "openapi.json"),
        ("/docs", (), "docs.html"),
        ("/api/v1/signals.csv", (), "api/v1/signals.csv"),
        ("/api/v1/signals.parquet", (), "api/v1/signals.parquet"),
        ("/companies/BRK.B", (("after", "x"),), "companies/BRK.B@after=x.html"),
        ("/uplot.js", (), "uplot.js"),
    ],
)
def test_names_of_files(path: str, query: tuple[tuple[str, str], ...], name: str) -> None:
    assert object_name(path, query) == name

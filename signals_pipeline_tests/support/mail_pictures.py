"""Pictures of mails as Chromium shows them: `python -m signals_pipeline_tests.support.mail_pictures DIGESTS FOLDER`.

DIGESTS is the folder in which `signals run` leaves its digests. Each kind of mail is taken at 600 and 375 pixels,
light, dark, and with pictures blocked.
"""

import base64
import io
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from signals_pipeline.adapters.mail.envelope import Envelope, Links
from signals_pipeline.adapters.mail.message import digest_message, failure_message
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.news.feeds import SourceReport
from signals_pipeline_tests.support.digest_pages import NOW, titled

ENVELOPE = Envelope("Signals <signals@example.org>", "ann@example.org", "<picture@example.org>", datetime.now(UTC))
LINKS = Links("https://desk.example", "k" * 32)
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7 * 7 }} \r\nBcc: a@b.example \u202etxt.exe "
    + "long" * 60
)
LOOKS = [(600, "light", True), (600, "dark", True), (375, "light", True), (375, "dark", True), (600, "light", False)]


def examples(folder: Path) -> dict[str, bytes]:
    """A mail of each kind, from real digests where there are."""
    digests = [Digest.from_json(path.read_text()) for path in sorted(folder.glob("*.json"))]
    told = [each for each in digests if each.kind == "full"]
    full = max(told, key=lambda each: (telling(each), len(each.new), each.as_of))
    quiet = max((each for each in digests if each.kind == "quiet"), key=lambda each: (telling(each), each.as_of))
    half = max((each for each in told if each.changed and each.new), key=lambda each: (telling(each), each.as_of))
    reports = (*half.coverage.reports, SourceReport("newsapi", "failed", 0, "no answer in 30 s"))
    coverage = replace(half.coverage, status="degraded", reports=reports)
    subject = f"Degraded (1 of 2 sources complete): {half.subject.partition('] ')[2]}"
    degraded = replace(half, kind="degraded", coverage=coverage, subject=subject)
    return {
        **{
            name: digest_message(each, ENVELOPE, LINKS)
            for name, each in {
                "full": full, "quiet": quiet, "degraded": degraded, "hostile": hostile(),
            }.items()
        },
        "failed": failure_message(NOW, "Stage headlines: no source answered; see `signals doctor`.", ENVELOPE, LINKS),
    }  # fmt: skip


def telling(digest: Digest) -> int:
    """How many kinds of things a digest tells; a record that is long enough to judge is one."""
    sections = (digest.new, digest.changed, digest.still_active, digest.expired, digest.near_misses)
    return sum(map(bool, sections)) + 2 * any(line.enough for line in digest.record)


def hostile() -> Digest:
    """A digest in which everything that comes from outside is an attack."""
    digest = titled(HOSTILE, "javascript:alert(1)")
    card = replace(digest.new[0], company=HOSTILE, symbol=HOSTILE[:20])
    return replace(digest, new=(card,), market=HOSTILE, subject=f"1 new: {HOSTILE}", preheader=HOSTILE)


def page_of(content: bytes) -> str:
    """The HTML part with its pictures where a browser finds them."""
    mail = message_from_bytes(content, EmailMessage, policy=policy.default)
    body = mail.get_body(("html",))
    html = body.get_content() if body else ""
    for part in mail.walk():
        if part.get_content_maintype() == "image":
            data = base64.b64encode(part.get_content()).decode()
            html = html.replace(f"cid:{str(part['Content-ID']).strip('<>')}", f"data:image/png;base64,{data}")
    return html


def keep(shot: Image.Image, path: Path) -> None:
    """A screenshot as a small PNG whose palette follows the colours that are there, however little has them."""
    few = shot.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def take(browser: Browser, name: str, html: str, folder: Path) -> None:
    """One picture a look."""
    for width, scheme, pictures in LOOKS:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
        )
        page = context.new_page()
        page.set_content(html if pictures else html.replace("data:image/png", "blocked:"))
        look = f"{width}-{scheme}" if pictures else f"{width}-images-blocked"
        shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
        keep(shot, folder / f"{name}-{look}.png")
        context.close()


def main(digests: Path, folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, content in examples(digests).items():
            take(browser, name, page_of(content), folder)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

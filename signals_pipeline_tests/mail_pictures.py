"""Pictures of mails as Chromium shows them: `python -m signals_pipeline_tests.mail_pictures DIGESTS FOLDER`.

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
from signals_pipeline.core.digest import Digest
from signals_pipeline.core.feeds import SourceReport
from signals_pipeline_tests.digest_pages import NOW, titled

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
    told = [each for each in digests if each.kind == "full" and each.near_misses and each.still_active]
    full = max(told, key=lambda each: (bool(each.changed), len(each.new) > 1, each.as_of))
    quiet = max((each for each in digests if each.kind == "quiet"), key=lambda each: len(each.still_active))
    reports = (*full.coverage.reports, SourceReport("newsapi", "failed", 0, "no answer in 30 s"))
    coverage = replace(full.coverage, status="degraded", reports=reports)
    subject = f"Degraded (1 of 2 sources in full): {full.subject.partition('] ')[2]}"
    degraded = replace(full, kind="degraded", coverage=coverage, subject=subject)
    return {
        **{
            name: digest_message(each, ENVELOPE, LINKS)
            for name, each in {
                "full": full, "quiet": quiet, "degraded": degraded, "hostile": titled(HOSTILE, "javascript:alert(1)"),
            }.items()
        },
        "failed": failure_message(NOW, "Stage headlines: no source answered; see `signals doctor`.", ENVELOPE, LINKS),
    }  # fmt: skip


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


def take(browser: Browser, name: str, html: str, folder: Path) -> None:
    """One picture a look."""
    for width, scheme, pictures in LOOKS:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
        )
        page = context.new_page()
        page.set_content(html if pictures else html.replace("data:image/png", "blocked:"))
        look = f"{width}-{scheme}" if pictures else f"{width}-images-blocked"
        shot = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
        shot.quantize(128, dither=Image.Dither.NONE).save(folder / f"{name}-{look}.png", optimize=True)
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

"""A digest as files: HTML, text and JSON side by side, each written atomically, all of them durably."""

from dataclasses import dataclass
from pathlib import Path

from signals_pipeline.adapters.atomic_write import replace_file, sync_folder
from signals_pipeline.core.digest.model import Digest


@dataclass(frozen=True, slots=True)
class DigestFiles:
    """Paths of a digest's renderings."""

    html: Path
    text: Path
    json: Path


def digest_paths(window_key: str, folder: Path) -> DigestFiles:
    """Paths of the renderings of a window's digest, whether they exist or not."""
    stem = folder / window_key.replace(":", "")  # Windows allows no colon in a file name
    return DigestFiles(stem.with_suffix(".html"), stem.with_suffix(".txt"), stem.with_suffix(".json"))


def write_digest(content: str, folder: Path) -> DigestFiles:
    """Render a digest into a folder, replacing earlier renderings.

    Args:
        content: The digest as `Digest.to_json` gives it: text is faster to hand to another process than the value.
        folder: Created where it is missing.

    Raises:
        DigestError: the content is not a digest of this version.
        OSError: the folder can't be written.
    """
    # Brings the template engine, which callers that only need paths do without.
    from signals_pipeline.adapters.rendering.digest import render_html, render_text

    digest = Digest.from_json(content)
    files = digest_paths(digest.window_key, folder)
    folder.mkdir(parents=True, exist_ok=True)
    renderings = {files.json: content, files.text: render_text(digest), files.html: render_html(digest)}
    for path, rendering in renderings.items():
        replace_file(path, rendering.encode("utf-8"))
    sync_folder(folder)
    return files

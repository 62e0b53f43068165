"""A digest as files: HTML, text and JSON side by side, each whole or not there."""

import os
from dataclasses import dataclass
from pathlib import Path

from signals_pipeline.core.digest.model import Digest


@dataclass(frozen=True, slots=True)
class DigestFiles:
    """Where a digest's renderings lie."""

    html: Path
    text: Path
    json: Path


def digest_paths(window_key: str, folder: Path) -> DigestFiles:
    """Where the renderings of a window's digest belong."""
    stem = folder / window_key.replace(":", "")
    return DigestFiles(stem.with_suffix(".html"), stem.with_suffix(".txt"), stem.with_suffix(".json"))


def write_digest(content: str, folder: Path) -> DigestFiles:
    """Render a digest into a folder, in place of what was there.

    Args:
        content: The digest as `Digest.to_json` gives it: a text goes to another process sooner than the value.
        folder: Made where it is missing.

    Raises:
        DigestError: the content is no digest of this version.
        OSError: the folder can't be written.
    """
    from signals_pipeline.adapters.rendering.digest import render_html, render_text

    digest = Digest.from_json(content)
    files = digest_paths(digest.window_key, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path, rendered in (
        (files.json, content),
        (files.text, render_text(digest)),
        (files.html, render_html(digest)),
    ):
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_text(rendered, encoding="utf-8", newline="\n")
        part.replace(path)
    return files

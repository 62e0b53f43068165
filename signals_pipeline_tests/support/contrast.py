"""The contrast that WCAG asks for, and the script that finds texts with less in a browser."""

from pathlib import Path

AA = 4.5


TEXTS = (Path(__file__).with_name("contrast.js")).read_text()

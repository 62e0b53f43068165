"""Digests and figures as HTML, text, SVG and PNG."""

"""Tone of headlines."""

"""Tone and technicals combined, with additive contributions."""

"""Replays of past windows under other settings, tuning, and tests against multiple testing."""

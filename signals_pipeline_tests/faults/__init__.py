"""Crashes, outages and hostile servers."""

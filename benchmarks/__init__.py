"""Measurements, kept apart from the tests: each compares against a named peer in the same run and files its table."""

"""Databases for the adapters' tests."""

from signals_pipeline_tests.databases import database_url, empty_url, engine, store

__all__ = ["database_url", "empty_url", "engine", "store"]

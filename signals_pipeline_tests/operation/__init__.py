"""Dagster as it runs in production, in processes of its own over PostgreSQL."""

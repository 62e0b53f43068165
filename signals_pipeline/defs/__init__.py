"""Dagster, thin: assets take their windows, call an adapter, call core, store, and say what they did."""

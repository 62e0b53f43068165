"""Adapters: one outside system a file; they know core and their SDK, never Dagster, never each other."""

"""Adapters: one outside system per module or package. They import core and the system's SDK, never Dagster."""

"""The eight assets, one module per stage, named like the packages of core."""

import warnings

import dagster as dg

# Dagster warns once per asset and process that `backfill_policy` is beta; its version is pinned exactly in setup.py.
warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)

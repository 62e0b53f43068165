"""The eight assets, one file a stage, named as the stages of core."""

import warnings

import dagster as dg

# Said once an asset by every process that Dagster starts; the exact pin of dagster is what answers it.
warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)

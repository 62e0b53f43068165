"""The specification of signals_pipeline, laid out as the package is."""

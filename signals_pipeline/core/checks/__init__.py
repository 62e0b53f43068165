"""Data quality, the look-ahead audit and run metrics."""

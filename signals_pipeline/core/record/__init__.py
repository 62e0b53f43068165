"""The track record: outcomes, hit rates and their intervals, IC, calibration, slices, engagement."""

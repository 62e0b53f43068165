"""Hundreds of windows by the schedule, at accelerated time, with faults: `python -m benchmarks.soak`."""

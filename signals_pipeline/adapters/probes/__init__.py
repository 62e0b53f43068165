"""Small looks at outside systems for `signals doctor`: each answers with one Finding; none changes what a run sees."""

from signals_pipeline.adapters.probes.findings import Finding, Probe, Status, fail, look, ok, unfinished, warn

__all__ = ["Finding", "Probe", "Status", "fail", "look", "ok", "unfinished", "warn"]

"""Small looks at outside systems for `signals doctor`: each answers with one Finding; none changes what a run sees."""

from signals_pipeline.adapters.probes.findings import Probe, ProbeResult, Status, fail, look, ok, unfinished, warn

__all__ = ["Probe", "ProbeResult", "Status", "fail", "look", "ok", "unfinished", "warn"]

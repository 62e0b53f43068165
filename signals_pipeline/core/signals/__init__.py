"""Gates, the lifecycle of signals, and corrections after the fact."""

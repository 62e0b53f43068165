"""Amazon's side of an installation: its price table, its stack, its deployment."""

"""The commands; they import what they need when they run, so that `signals --help` answers at once."""

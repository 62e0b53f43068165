"""News sources, one a file; each delivers raw headlines and a report of how its answer went."""

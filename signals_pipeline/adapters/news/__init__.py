"""News sources, one per module; each delivers raw headlines and a report on how the fetch went."""

"""The digest: its model and JSON, its composition, its wording, delivery rules and signed links."""

"""The scripts that made the compact model."""

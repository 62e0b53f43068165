"""The production deployment, against a local stand-in for AWS's interfaces, real processes and a real database."""

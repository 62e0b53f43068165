"""Channels: messages, signatures, connections, configuration."""

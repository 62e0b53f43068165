"""Channels: chat services and webhooks that get digests beside mail, each message at most once."""

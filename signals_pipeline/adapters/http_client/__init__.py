"""HTTP requests to vendors: one policy for rate limits, timeouts and retries, and the client that follows it."""

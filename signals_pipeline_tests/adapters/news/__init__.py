"""News feeds against real servers on loopback."""

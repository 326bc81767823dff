"""History from a file: rows become orders and returns, and go the way of every other event."""

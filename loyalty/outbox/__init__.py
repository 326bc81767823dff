"""Facts: what happened here, written in the transaction that made it happen."""

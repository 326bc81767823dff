"""Wallets, transactions, entries, lots, expiry and proof: the only writer of points."""

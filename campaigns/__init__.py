"""Campaigns and their versions, rating, and earning: from an event to the ledger."""

"""Standings from elsewhere: rows of a file become lots with their own dates, debts, and tiers that go on from here."""

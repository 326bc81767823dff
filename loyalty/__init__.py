"""The core: programs, members, ledger and the inbox. Knows nothing of campaigns, tiers and rewards."""

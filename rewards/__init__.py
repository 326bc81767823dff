"""Rewards: catalogue, prices, stock, codes, redemptions, fulfilment. Stands on tiers and the core."""

"""Tiers: ladders, qualification, evaluation, benefits. Stands on the core; rewards and campaigns use it."""

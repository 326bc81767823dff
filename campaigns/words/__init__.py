"""Traces and campaigns in plain words; the one place where explanations become sentences."""

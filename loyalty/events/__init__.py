"""The inbox: raw events as received, and the daily activity they add up to."""

"""Members and the identifiers they are found by."""

"""Programs, point types, channels and their credentials."""

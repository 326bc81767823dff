"""How near the hot paths come to what the database alone can do, measured on this very machine."""

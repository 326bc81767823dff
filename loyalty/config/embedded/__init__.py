"""PostgreSQL and Valkey from wheels, for development and tests. Production never comes here: it has its URLs."""

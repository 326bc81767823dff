"""Django's PostgreSQL backend, with connections that stay open."""

"""Program files: the whole configuration of a program as one YAML text, to keep beside code, compare and apply."""

"""The condition language: compile, evaluate, explain, say in plain words."""

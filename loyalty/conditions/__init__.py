"""The condition language: a JSON tree over typed fields, compiled once to closures, explained leaf by leaf and
said in plain words. It knows nothing of campaigns: whoever asks brings a schema and a view."""

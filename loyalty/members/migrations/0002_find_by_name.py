"""Finding members by name, forgiving accents and typing mistakes: one trigram index over the folded name."""

from django.db import migrations

# unaccent() itself may not stand in an index, because its dictionary could be changed; ours names the dictionary.
FORWARD = """
CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
CREATE FUNCTION laurel_fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, $1)) $$;
CREATE INDEX member_folded_name ON members_member USING gin (laurel_fold(name) public.gin_trgm_ops);
"""
BACKWARD = """
DROP INDEX member_folded_name;
DROP FUNCTION laurel_fold(text);
"""


class Migration(migrations.Migration):
    dependencies = [("members", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

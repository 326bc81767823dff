"""Of an Idempotency-Key only a digest is kept: it is the caller's text, and may hold what is personal."""

import hmac

from django.conf import settings
from django.db import migrations, models


def digest_keys(apps, schema_editor):
    kept = apps.get_model("programs", "IdempotencyKey")
    pepper = settings.KEY_PEPPER.encode()
    for row in kept.objects.only("key").iterator():
        row.key = hmac.new(pepper, row.key.encode(), "sha256").hexdigest()
        row.save(update_fields=["key"])


class Migration(migrations.Migration):
    dependencies = [("programs", "0001_initial")]

    operations = [
        migrations.RunPython(digest_keys, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="idempotencykey",
            name="key",
            field=models.CharField(help_text="A keyed digest of what the caller sent.", max_length=255),
        ),
    ]

import django.db.models.deletion
import loyalty.base.together
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('programs', '0001_initial'),
    ]

    operations = [
        loyalty.base.together.Together(
            operations=[
                migrations.CreateModel(
                    name='Fact',
                    fields=[
                        ('id', models.BigAutoField(primary_key=True, serialize=False)),
                        ('member_id', models.UUIDField(help_text='Whom it is about.', null=True)),
                        ('type', models.CharField(max_length=60)),
                        ('data', models.JSONField(default=dict)),
                        ('occurred_at', models.DateTimeField()),
                        ('recorded_at', models.DateTimeField()),
                        ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program')),
                    ],
                    options={
                        'indexes': [models.Index(fields=['member_id', '-id'], name='outbox_fact_member__5977ef_idx')],
                    },
                ),
            ],
        ),
    ]

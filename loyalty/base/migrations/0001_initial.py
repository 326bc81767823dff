import django.db.models.deletion
import loyalty.base.together
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        loyalty.base.together.Together(
            operations=[
                migrations.CreateModel(
                    name='Heartbeat',
                    fields=[
                        ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                        ('at', models.DateTimeField()),
                    ],
                ),
                migrations.CreateModel(
                    name='Job',
                    fields=[
                        ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                        ('kind', models.CharField(max_length=60)),
                        ('scope', models.CharField(blank=True, help_text='Program code, or empty for the whole installation.', max_length=100)),
                        ('period', models.CharField(blank=True, help_text='Set for recurring jobs: the local date or hour they stand for.', max_length=40)),
                        ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                        ('done', models.BigIntegerField(default=0)),
                        ('total', models.BigIntegerField(blank=True, null=True)),
                        ('cursor', models.JSONField(blank=True, default=dict, help_text='Where to go on after an interruption.')),
                        ('result', models.JSONField(blank=True, default=dict)),
                        ('error', models.TextField(blank=True)),
                        ('created_by', models.CharField(blank=True, max_length=150)),
                        ('created_at', models.DateTimeField()),
                        ('started_at', models.DateTimeField(blank=True, null=True)),
                        ('heartbeat_at', models.DateTimeField(blank=True, help_text="By the database's clock, which all workers share.", null=True)),
                        ('finished_at', models.DateTimeField(blank=True, null=True)),
                        ('attempts', models.PositiveSmallIntegerField(default=0, help_text='Claims since it last got further.')),
                        ('claimed_by', models.UUIDField(blank=True, editable=False, help_text='The claim that may work on it; a newer claim ends it.', null=True)),
                        ('retry_at', models.DateTimeField(blank=True, help_text='When a failed job is tried again; empty: only by hand.', null=True)),
                        ('name', models.CharField(blank=True, help_text='What it is about, for people.', max_length=200)),
                        ('pace_at', models.DateTimeField(blank=True, editable=False, help_text="When the present claim began, by the database's clock.", null=True)),
                        ('pace_done', models.BigIntegerField(default=0, editable=False, help_text='How much was done by then.')),
                        ('params', models.JSONField(blank=True, default=dict, help_text='What it was asked to do.')),
                        ('step', models.CharField(blank=True, help_text='What it is at, for people.', max_length=100)),
                    ],
                    options={
                        'ordering': ['-created_at'],
                        'indexes': [models.Index(fields=['kind', '-created_at'], name='base_job_kind_db71cf_idx'), models.Index(condition=models.Q(('created_by', ''), _negated=True), fields=['created_by', '-created_at'], name='jobs_of_a_person'), models.Index(condition=models.Q(('state__in', ['queued', 'running', 'failed'])), fields=['created_at'], name='jobs_to_claim')],
                        'constraints': [models.UniqueConstraint(condition=models.Q(('period', ''), _negated=True), fields=('kind', 'scope', 'period'), name='one_job_per_kind_scope_period')],
                    },
                ),
                migrations.CreateModel(
                    name='JobFile',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('role', models.CharField(choices=[('upload', 'Uploaded'), ('errors', 'Rows with errors')], max_length=10)),
                        ('part', models.PositiveIntegerField(default=0)),
                        ('name', models.CharField(max_length=200)),
                        ('rows', models.PositiveIntegerField(default=0)),
                        ('content', models.BinaryField()),
                        ('job', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='base.job')),
                    ],
                    options={
                        'ordering': ['job', 'role', 'part'],
                        'constraints': [models.UniqueConstraint(fields=('job', 'role', 'part'), name='one_part_of_a_file')],
                    },
                ),
            ],
        ),
    ]

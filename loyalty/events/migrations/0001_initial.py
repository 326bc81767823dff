import django.db.models.deletion
import loyalty.base.ids
import loyalty.base.together
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('members', '0001_initial'),
        ('programs', '0001_initial'),
    ]

    operations = [
        loyalty.base.together.Together(
            operations=[
                migrations.CreateModel(
                    name='Activity',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('day', models.DateField()),
                        ('orders', models.IntegerField(default=0)),
                        ('spend', models.DecimalField(decimal_places=4, default=0, help_text='Qualifying amount, returns taken off.', max_digits=18)),
                        ('visits', models.IntegerField(default=0)),
                        ('points', models.BigIntegerField(default=0, help_text='Earned points of the default type, returns taken off.')),
                        ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.member')),
                        ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('member', 'day'), name='one_activity_row_per_day')],
                    },
                ),
                migrations.CreateModel(
                    name='EventType',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('code', models.CharField(max_length=60)),
                        ('name', models.CharField(max_length=120)),
                        ('attributes', models.JSONField(default=list, help_text='List of {code, type, label, required, choices}.')),
                        ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='event_types', to='programs.program')),
                    ],
                    options={
                        'ordering': ['program', 'code'],
                        'constraints': [models.UniqueConstraint(fields=('program', 'code'), name='event_type_per_program')],
                    },
                ),
                migrations.CreateModel(
                    name='Event',
                    fields=[
                        ('id', models.UUIDField(default=loyalty.base.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('source', models.CharField(max_length=100)),
                        ('external_id', models.CharField(max_length=200)),
                        ('type', models.CharField(max_length=60)),
                        ('order_reference', models.CharField(blank=True, max_length=120)),
                        ('occurred_at', models.DateTimeField()),
                        ('received_at', models.DateTimeField()),
                        ('payload', models.JSONField(help_text="The event's data with personal fields replaced by references.")),
                        ('content_hash', models.BinaryField(max_length=32)),
                        ('status', models.CharField(choices=[('received', 'Received'), ('waiting', 'Waiting for its order'), ('guest', 'Waiting for its member'), ('processed', 'Processed'), ('rejected', 'Rejected'), ('failed', 'Failed')], default='received', max_length=9)),
                        ('attempts', models.PositiveSmallIntegerField(default=0)),
                        ('next_attempt_at', models.DateTimeField(blank=True, null=True)),
                        ('error', models.CharField(blank=True, max_length=500)),
                        ('processed_at', models.DateTimeField(blank=True, null=True)),
                        ('channel', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.channel')),
                        ('identifier', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='members.identifier')),
                        ('member', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.member')),
                        ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program')),
                    ],
                    options={
                        'indexes': [models.Index(condition=models.Q(('status', 'received')), fields=['next_attempt_at', 'id'], name='events_to_process'), models.Index(fields=['member', '-occurred_at'], name='events_of_member'), models.Index(condition=models.Q(('order_reference', ''), _negated=True), fields=['program', 'order_reference'], name='events_of_order'), models.Index(condition=models.Q(('status__in', ['failed', 'waiting', 'rejected', 'guest'])), fields=['program', 'status'], name='events_aside'), models.Index(condition=models.Q(('identifier__isnull', False)), fields=['identifier'], name='events_of_guest')],
                        'constraints': [models.UniqueConstraint(fields=('program', 'source', 'external_id'), name='event_once_per_source')],
                    },
                ),
            ],
        ),
    ]

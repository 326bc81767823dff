import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0001_initial'),
        ('programs', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Extension',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('expired_at', models.DateTimeField(help_text='When the lot would have expired without it.')),
                ('expires_at', models.DateTimeField()),
                ('lot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='extensions', to='ledger.lot')),
                ('program', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programs.program')),
                ('transaction', models.ForeignKey(db_index=False, help_text='The activity.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.transaction')),
                ('wallet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.wallet')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('expired_at'))), name='extension_is_to_a_later_end')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='extension',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='aea06e732d9851ee263dfc6ed85b3070d1b949b7', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_ba661', table='ledger_extension', when='BEFORE')),
        ),
    ]

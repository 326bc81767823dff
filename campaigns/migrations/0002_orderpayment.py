import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


# Until now each order kept a list of what had paid it; what stood in two lists is the earlier order's.
LINK = """
INSERT INTO campaigns_orderpayment (transaction_id, order_id)
SELECT DISTINCT ON (t.id) t.id, o.id
FROM campaigns_order o
CROSS JOIN jsonb_array_elements_text(o.context -> 'payments') AS paid (id)
JOIN ledger_transaction t ON t.id = paid.id::uuid
ORDER BY t.id, o.id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0001_initial'),
        ('ledger', '0002_extension'),
    ]

    operations = [
        migrations.CreateModel(
            name='OrderPayment',
            fields=[
                ('transaction', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='ledger.transaction')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='campaigns.order')),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='orderpayment',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='d1d78113971c5cdc2891eaf0d5ed917929ee292b', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_30ef4', table='campaigns_orderpayment', when='BEFORE')),
        ),
        migrations.RunSQL(LINK, migrations.RunSQL.noop),
    ]

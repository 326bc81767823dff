import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('programs', '0001_initial'),
        ('tiers', '0003_protected_tier'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='ladderversion',
            name='published_for_good',
        ),
        migrations.AddField(
            model_name='ladderversion',
            name='withdrawn_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='ladderversion',
            name='withdrawn_by',
            field=models.CharField(blank=True, db_default='', max_length=150),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ladderversion',
            trigger=pgtrigger.compiler.Trigger(name='published_for_good', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='ef84a53fddc529d8dfda0883759d9cec96c8a79f', operation='DELETE', pgid='pgtrigger_published_for_good_e0b68', table='tiers_ladderversion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ladderversion',
            trigger=pgtrigger.compiler.Trigger(name='withdrawn_for_good', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."withdrawn_at" IS NOT NULL)', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='14dca55b3155d0af444e8c3da132d37feb221ae2', operation='UPDATE', pgid='pgtrigger_withdrawn_for_good_07a52', table='tiers_ladderversion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ladderversion',
            trigger=pgtrigger.compiler.Trigger(name='fixed_terms', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."tier_set_id" IS DISTINCT FROM (NEW."tier_set_id") OR OLD."program_id" IS DISTINCT FROM (NEW."program_id") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."definition" IS DISTINCT FROM (NEW."definition") OR OLD."effective_from" IS DISTINCT FROM (NEW."effective_from") OR OLD."rollout" IS DISTINCT FROM (NEW."rollout") OR OLD."protect" IS DISTINCT FROM (NEW."protect") OR OLD."published_at" IS DISTINCT FROM (NEW."published_at") OR OLD."published_by" IS DISTINCT FROM (NEW."published_by") OR OLD."note" IS DISTINCT FROM (NEW."note"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='fb275efbcd1aa7f6a38855c6047ed10dea057819', operation='UPDATE', pgid='pgtrigger_fixed_terms_1a1ed', table='tiers_ladderversion', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='ladderversion',
            constraint=models.CheckConstraint(condition=models.Q(('withdrawn_at', None), ('withdrawn_at__lt', models.F('effective_from')), _connector='OR'), name='ladder_version_withdrawn_in_time'),
        ),
    ]

import django.db.models.deletion
import loyalty.base.ids
import loyalty.base.together
import pgtrigger.compiler
import pgtrigger.migrations
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
                    name='Transaction',
                    fields=[
                        ('id', models.UUIDField(default=loyalty.base.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('kind', models.CharField(choices=[('earn', 'Earned'), ('redeem', 'Redeemed'), ('reverse', 'Taken back'), ('refund', 'Given back'), ('expire', 'Expired'), ('adjust', 'Adjusted'), ('transfer', 'Transferred'), ('activate', 'Became available'), ('correct', 'Corrected')], max_length=8)),
                        ('amount', models.BigIntegerField(help_text="Net change of the member's wallet, in smallest units.")),
                        ('event_id', models.UUIDField(blank=True, null=True)),
                        ('reference', models.CharField(blank=True, help_text="Order number or the caller's own id.", max_length=120)),
                        ('forgiven', models.BigIntegerField(default=0, help_text='Part of a reversal that policy did not take.')),
                        ('already_expired', models.BigIntegerField(default=0, help_text='Part of a reversal whose points had lapsed before.')),
                        ('actor_kind', models.CharField(choices=[('channel', 'Channel'), ('staff', 'Staff'), ('system', 'System')], max_length=7)),
                        ('actor', models.CharField(blank=True, help_text='Channel code or staff user name; empty for the system.', max_length=150)),
                        ('reason_code', models.CharField(blank=True, max_length=50)),
                        ('note', models.CharField(blank=True, max_length=500)),
                        ('occurred_at', models.DateTimeField()),
                        ('recorded_at', models.DateTimeField()),
                        ('counterpart', models.ForeignKey(blank=True, db_index=False, help_text='The other member of a transfer.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.member')),
                        ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.member')),
                        ('point_type', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.pointtype')),
                        ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program')),
                        ('reverses', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversals', to='ledger.transaction')),
                    ],
                    options={
                        'indexes': [models.Index(fields=['member', '-id'], name='ledger_tran_member__b50397_idx'), models.Index(condition=models.Q(('reference', ''), _negated=True), fields=['program', 'reference'], name='transaction_reference')],
                        'constraints': [models.UniqueConstraint(condition=models.Q(('event_id__isnull', False)), fields=('event_id', 'kind', 'point_type', 'reverses'), name='one_effect_per_event', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('forgiven__gte', 0), ('already_expired__gte', 0)), name='reversal_parts_not_negative')],
                    },
                ),
                migrations.CreateModel(
                    name='Wallet',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('balance', models.BigIntegerField(default=0)),
                        ('debt', models.BigIntegerField(default=0)),
                        ('lifetime', models.BigIntegerField(default=0, help_text='All that was ever earned, less what was taken back.')),
                        ('version', models.BigIntegerField(default=0)),
                        ('last_active_at', models.DateTimeField(blank=True, help_text='Last earned or redeemed; the clock of inactivity expiry.', null=True)),
                        ('member', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='wallets', to='members.member')),
                        ('point_type', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.pointtype')),
                        ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('member', 'point_type'), name='one_wallet_per_member_and_type'), models.CheckConstraint(condition=models.Q(('debt__gte', 0)), name='debt_is_not_negative')],
                    },
                ),
                migrations.CreateModel(
                    name='Lot',
                    fields=[
                        ('id', models.UUIDField(default=loyalty.base.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('amount', models.BigIntegerField()),
                        ('remaining', models.BigIntegerField()),
                        ('earned_at', models.DateTimeField()),
                        ('available_at', models.DateTimeField()),
                        ('expires_at', models.DateTimeField(blank=True, null=True)),
                        ('is_pending', models.BooleanField(default=False, help_text='Its activation is not yet in the books.')),
                        ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='members.member')),
                        ('origin', models.ForeignKey(blank=True, help_text='The lot these points came from, for a transfer or a refund after expiry.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ledger.lot')),
                        ('program', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programs.program')),
                        ('transaction', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='ledger.transaction')),
                        ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='ledger.wallet')),
                    ],
                    options={
                        'indexes': [models.Index(condition=models.Q(('remaining__gt', 0)), fields=['wallet', 'expires_at'], name='open_lots_of_wallet'), models.Index(condition=models.Q(('remaining__gt', 0)), fields=['program', 'expires_at'], name='open_lots_by_expiry'), models.Index(condition=models.Q(('is_pending', True)), fields=['program', 'available_at'], name='pending_lots')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('remaining__gte', 0), ('remaining__lte', models.F('amount'))), name='lot_within_amount')],
                    },
                ),
                migrations.CreateModel(
                    name='Entry',
                    fields=[
                        ('id', models.BigAutoField(primary_key=True, serialize=False)),
                        ('amount', models.BigIntegerField(help_text='Signed, in smallest units; 0 when a pending lot becomes available.')),
                        ('balance_after', models.BigIntegerField()),
                        ('lot_after', models.BigIntegerField(blank=True, help_text='What the lot held after this entry.', null=True)),
                        ('occurred_at', models.DateTimeField()),
                        ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='members.member')),
                        ('program', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programs.program')),
                        ('lot', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='ledger.lot')),
                        ('transaction', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='ledger.transaction')),
                        ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='ledger.wallet')),
                    ],
                    options={
                        'verbose_name_plural': 'entries',
                        'indexes': [models.Index(fields=['wallet', '-id'], name='ledger_entr_wallet__5c9dc3_idx')],
                    },
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='transaction',
                    trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='bd4c0e5ce9c8764f30f711e037ad19e8262e827b', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_d75d5', table='ledger_transaction', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='lot',
                    trigger=pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='b1ac75b107ad391384278bb42628b3b7c1936c83', operation='DELETE', pgid='pgtrigger_no_delete_cdea9', table='ledger_lot', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='lot',
                    trigger=pgtrigger.compiler.Trigger(name='fixed_terms', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."program_id" IS DISTINCT FROM (NEW."program_id") OR OLD."member_id" IS DISTINCT FROM (NEW."member_id") OR OLD."wallet_id" IS DISTINCT FROM (NEW."wallet_id") OR OLD."transaction_id" IS DISTINCT FROM (NEW."transaction_id") OR OLD."origin_id" IS DISTINCT FROM (NEW."origin_id") OR OLD."amount" IS DISTINCT FROM (NEW."amount") OR OLD."earned_at" IS DISTINCT FROM (NEW."earned_at") OR OLD."available_at" IS DISTINCT FROM (NEW."available_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='c9c314657e02985f8de1b5ef6afd1b81b06053b8', operation='UPDATE', pgid='pgtrigger_fixed_terms_a48cd', table='ledger_lot', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='entry',
                    trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='bd80cdea55986d8dc4a873a0796f1dd071e72f1d', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_af900', table='ledger_entry', when='BEFORE')),
                ),
                migrations.CreateModel(
                    name='Hold',
                    fields=[
                        ('transaction', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='hold', serialize=False, to='ledger.transaction')),
                        ('points', models.BigIntegerField()),
                        ('lapses_at', models.DateTimeField()),
                        ('state', models.CharField(choices=[('open', 'Reserved'), ('captured', 'Redeemed'), ('released', 'Released')], default='open', max_length=8)),
                        ('closed_at', models.DateTimeField(blank=True, help_text='When it was captured or released; when it lapsed, that instant.', null=True)),
                        ('member', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='members.member')),
                        ('program', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='programs.program')),
                        ('wallet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='ledger.wallet')),
                    ],
                    options={
                        'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['wallet'], name='open_holds_of_wallet'), models.Index(condition=models.Q(('state', 'open')), fields=['lapses_at'], name='open_holds_by_lapse')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('points__gt', 0)), name='hold_is_of_points'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('state', 'open')), models.Q(('closed_at__lt', models.F('lapses_at')), ('state', 'captured')), models.Q(('closed_at__lte', models.F('lapses_at')), ('state', 'released')), _connector='OR'), name='hold_closed_in_time')],
                    },
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='hold',
                    trigger=pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='0c4a9113bfbbc9062a510e569cb5f96db7544d13', operation='DELETE', pgid='pgtrigger_no_delete_7152b', table='ledger_hold', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='hold',
                    trigger=pgtrigger.compiler.Trigger(name='closed_for_good', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NOT (OLD."state" = \'open\'))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='14b1fb97e4a115b025bc9596566c3173c34a5a74', operation='UPDATE', pgid='pgtrigger_closed_for_good_e7ece', table='ledger_hold', when='BEFORE')),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name='hold',
                    trigger=pgtrigger.compiler.Trigger(name='fixed_terms', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."transaction_id" IS DISTINCT FROM (NEW."transaction_id") OR OLD."program_id" IS DISTINCT FROM (NEW."program_id") OR OLD."member_id" IS DISTINCT FROM (NEW."member_id") OR OLD."wallet_id" IS DISTINCT FROM (NEW."wallet_id") OR OLD."points" IS DISTINCT FROM (NEW."points") OR OLD."lapses_at" IS DISTINCT FROM (NEW."lapses_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='f6574a7ed5afcbb603baa1a59cb0e0991051b48f', operation='UPDATE', pgid='pgtrigger_fixed_terms_78f4c', table='ledger_hold', when='BEFORE')),
                ),
            ],
        ),
    ]

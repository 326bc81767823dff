import django.db.models.deletion
import django.db.models.functions.text
import loyalty.base.ids
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
                    name='Member',
                    fields=[
                        ('id', models.UUIDField(default=loyalty.base.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('state', models.CharField(choices=[('pending', 'Pending'), ('active', 'Active'), ('suspended', 'Suspended'), ('closed', 'Closed')], default='active', max_length=10)),
                        ('suspended_may_earn', models.BooleanField(default=False)),
                        ('suspended_may_redeem', models.BooleanField(default=False)),
                        ('name', models.CharField(blank=True, max_length=200)),
                        ('birthday', models.DateField(blank=True, null=True)),
                        ('attributes', models.JSONField(blank=True, default=dict)),
                        ('enrolled_at', models.DateTimeField()),
                        ('closed_at', models.DateTimeField(blank=True, null=True)),
                        ('tier_code', models.CharField(blank=True, help_text='Current standing, written by members.set_standing.', max_length=50)),
                        ('tier_name', models.CharField(blank=True, max_length=80)),
                        ('tier_since', models.DateTimeField(blank=True, null=True)),
                        ('tier_until', models.DateTimeField(blank=True, null=True)),
                        ('updated_at', models.DateTimeField()),
                        ('enrolled_via', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.channel')),
                        ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='members', to='programs.program')),
                    ],
                    options={
                        'ordering': ['-enrolled_at'],
                        'indexes': [models.Index(fields=['program', '-enrolled_at'], name='members_mem_program_b8512a_idx'), models.Index(models.F('program'), django.db.models.functions.text.Upper('name'), name='member_name')],
                    },
                ),
                migrations.CreateModel(
                    name='Identifier',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(choices=[('external', 'External id'), ('email', 'E-mail'), ('phone', 'Phone'), ('card', 'Card')], max_length=8)),
                        ('value', models.CharField(max_length=254)),
                        ('created_at', models.DateTimeField()),
                        ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program')),
                        ('member', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='identifiers', to='members.member')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('program', 'kind', 'value'), name='identifier_once_per_program')],
                    },
                ),
            ],
        ),
        migrations.RunSQL(
            sql="\nCREATE EXTENSION IF NOT EXISTS unaccent SCHEMA public;\nCREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;\nCREATE FUNCTION laurel_fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE\n    AS $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, $1)) $$;\nCREATE INDEX member_folded_name ON members_member USING gin (laurel_fold(name) public.gin_trgm_ops);\n",
            reverse_sql='\nDROP INDEX member_folded_name;\nDROP FUNCTION laurel_fold(text);\n',
        ),
    ]

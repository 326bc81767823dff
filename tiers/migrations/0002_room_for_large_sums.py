from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tiers', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='standing',
            name='carried',
            field=models.DecimalField(decimal_places=4, default=0, help_text='Rolled over into the present period.', max_digits=24),
        ),
        migrations.AlterField(
            model_name='standing',
            name='carried_before',
            field=models.DecimalField(decimal_places=4, default=0, max_digits=24),
        ),
    ]

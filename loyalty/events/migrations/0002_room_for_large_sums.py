from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='activity',
            name='spend',
            field=models.DecimalField(decimal_places=4, default=0, help_text='Qualifying amount, returns taken off.', max_digits=24),
        ),
    ]

import dates.fields
from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):
    """Removes the words that the records of 0005 replace. In a migration of its own, because
    PostgreSQL alters no table with pending checks of foreign keys."""

    dependencies = [('timeline', '0005_vocabulary')]

    operations = [
        migrations.AlterField('event', 'category_word', models.CharField(default='', max_length=20)),
        migrations.RemoveField('event', 'category_word'),
        migrations.AlterField('historicalevent', 'category_word', models.CharField(default='', max_length=20)),
        migrations.RemoveField('historicalevent', 'category_word'),
        migrations.AlterField('historicalstatement', 'kind_word', models.CharField(default='', max_length=20)),
        migrations.RemoveField('historicalstatement', 'kind_word'),
        migrations.AlterField('statement', 'kind_word', models.CharField(default='', max_length=20)),
        migrations.RemoveField('statement', 'kind_word'),
        migrations.AlterField(
            model_name='event',
            name='category',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='timeline.eventcategory', verbose_name='categoría'),
        ),
        migrations.AlterField(
            model_name='statement',
            name='kind',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='timeline.statementkind', verbose_name='tipo'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('publish_at__isnull', False)), fields=['category', 'sort_day', 'start_latest', 'slug', 'publish_at', 'unpublish_at'], name='event_by_category'),
        ),
        migrations.AlterConstraint(
            model_name='event',
            name='timeline_event_start_possible',
            constraint=models.CheckConstraint(condition=dates.fields.PossibleDate('start'), name='timeline_event_start_possible', violation_error_message='La fecha no es posible. Escriba, por ejemplo, «11 de febrero de 2020» o «febrero de 2020»; déjelo vacío si la fuente no lo dice.'),
        ),
        migrations.AlterConstraint(
            model_name='event',
            name='timeline_event_end_possible',
            constraint=models.CheckConstraint(condition=dates.fields.PossibleDate('end'), name='timeline_event_end_possible', violation_error_message='La fecha no es posible. Escriba, por ejemplo, «11 de febrero de 2020» o «febrero de 2020»; déjelo vacío si la fuente no lo dice.'),
        ),
        migrations.AlterConstraint(
            model_name='statement',
            name='timeline_statement_date_possible',
            constraint=models.CheckConstraint(condition=dates.fields.PossibleDate('date'), name='timeline_statement_date_possible', violation_error_message='La fecha no es posible. Escriba, por ejemplo, «11 de febrero de 2020» o «febrero de 2020»; déjelo vacío si la fuente no lo dice.'),
        ),
    ]

"""An organization may replace several, terms may be joint or interim, and organizations have an
article and identifiers.

Stop the site: `replaces` is a table of its own, in place of the column that the old code reads. The
way back keeps the first of several replaced organizations, and is refused while terms share a
place.
"""

from typing import Any

import django.db.models.deletion
import simple_history.models
import dates.fields
from django.db import migrations, models

from organizations.migrations.operations import terms_never_overlap

TABLES = (("Membership", "Replacement", "membership"),
          ("HistoricalMembership", "HistoricalReplacement", "history"))


def to_lists(apps: Any, _editor: Any) -> None:
    """Copies the column of memberships and of their versions to the tables of the list."""
    for name, list_name, key in TABLES:
        rows = apps.get_model("organizations", list_name).objects
        replacing = apps.get_model("organizations", name).objects.exclude(replaces=None)
        for number, record in enumerate(replacing.order_by("pk"), 1):
            of_version = {"id": number, "membership_id": record.id} if key == "history" else {}
            rows.create(**{f"{key}_id": record.pk, "replaced_id": record.replaces_id}, **of_version)


def to_columns(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":  # no index is made while checks wait
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for name, list_name, key in TABLES:
        records = apps.get_model("organizations", name).objects
        for row in apps.get_model("organizations", list_name).objects.order_by("-pk"):
            records.filter(pk=getattr(row, f"{key}_id")).update(replaces_id=row.replaced_id)


class Migration(migrations.Migration):

    dependencies = [
        ('organizations', '0002_lower_slugs'),
    ]

    operations = [
        # SQLite rebuilds the table of terms, without its triggers, in both directions.
        migrations.RunPython(migrations.RunPython.noop, terms_never_overlap.install),
        migrations.AddField(
            model_name='organization',
            name='article',
            field=models.CharField(blank=True, choices=[('el', 'el'), ('la', 'la'), ('los', 'los'), ('las', 'las')], help_text='El que va antes del nombre en una oración: «la Red». Vacío si no lleva.', max_length=3, verbose_name='artículo'),
        ),
        migrations.AddField(
            model_name='historicalorganization',
            name='article',
            field=models.CharField(blank=True, choices=[('el', 'el'), ('la', 'la'), ('los', 'los'), ('las', 'las')], help_text='El que va antes del nombre en una oración: «la Red». Vacío si no lleva.', max_length=3, verbose_name='artículo'),
        ),
        migrations.AddField(
            model_name='organization',
            name='identifiers',
            field=models.TextField(blank=True, help_text='De Wikidata, ROR, CLUNI u OpenCorporates, uno por renglón, como «wikidata:Q42», o la dirección de su página.', verbose_name='identificadores en otros registros'),
        ),
        migrations.AddField(
            model_name='historicalorganization',
            name='identifiers',
            field=models.TextField(blank=True, help_text='De Wikidata, ROR, CLUNI u OpenCorporates, uno por renglón, como «wikidata:Q42», o la dirección de su página.', verbose_name='identificadores en otros registros'),
        ),
        migrations.AddField(
            model_name='representationterm',
            name='interim',
            field=models.BooleanField(default=False, verbose_name='interina'),
        ),
        migrations.AddField(
            model_name='historicalrepresentationterm',
            name='interim',
            field=models.BooleanField(default=False, verbose_name='interina'),
        ),
        migrations.RemoveConstraint(
            model_name='representationterm',
            name='organizations_representationterm_one_order_per_role',
        ),
        migrations.CreateModel(
            name='HistoricalReplacement',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('m2m_history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, to='organizations.historicalmembership')),
                ('membership', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='organizations.membership')),
                ('replaced', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='organizations.organization')),
            ],
            options={
                'verbose_name': 'HistoricalReplacement',
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Replacement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='organizations.membership')),
                ('replaced', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('membership', 'replaced'), name='membership_replaces_once')],
            },
        ),
        migrations.RunPython(to_lists, to_columns),
        migrations.RemoveConstraint(
            model_name='membership',
            name='organizations_membership_replaces_another',
        ),
        migrations.RemoveField(
            model_name='historicalmembership',
            name='replaces',
        ),
        migrations.RemoveField(
            model_name='membership',
            name='replaces',
        ),
        migrations.AddField(
            model_name='membership',
            name='replaces',
            field=models.ManyToManyField(blank=True, related_name='replaced_by', through='organizations.Replacement', to='organizations.organization', verbose_name='sustituye a'),
        ),
        migrations.RunPython(terms_never_overlap.install, migrations.RunPython.noop),
        migrations.AlterConstraint(
            model_name='membership',
            name='organizations_membership_start_possible',
            constraint=models.CheckConstraint(condition=dates.fields.PossibleDate('start'), name='organizations_membership_start_possible', violation_error_message='La fecha no es posible. Escriba, por ejemplo, «11 de febrero de 2020» o «febrero de 2020»; déjelo vacío si la fuente no lo dice.'),
        ),
        migrations.AlterConstraint(
            model_name='membership',
            name='organizations_membership_end_possible',
            constraint=models.CheckConstraint(condition=dates.fields.PossibleDate('end'), name='organizations_membership_end_possible', violation_error_message='La fecha no es posible. Escriba, por ejemplo, «11 de febrero de 2020» o «febrero de 2020»; déjelo vacío si la fuente no lo dice.'),
        ),
        migrations.AlterConstraint(
            model_name='representationterm',
            name='organizations_representationterm_start_possible',
            constraint=models.CheckConstraint(condition=dates.fields.PossibleDate('start'), name='organizations_representationterm_start_possible', violation_error_message='La fecha no es posible. Escriba, por ejemplo, «11 de febrero de 2020» o «febrero de 2020»; déjelo vacío si la fuente no lo dice.'),
        ),
        migrations.AlterConstraint(
            model_name='representationterm',
            name='organizations_representationterm_end_possible',
            constraint=models.CheckConstraint(condition=dates.fields.PossibleDate('end'), name='organizations_representationterm_end_possible', violation_error_message='La fecha no es posible. Escriba, por ejemplo, «11 de febrero de 2020» o «febrero de 2020»; déjelo vacío si la fuente no lo dice.'),
        ),
    ]

"""Memberships and terms have moments of publication of their own.

Each takes the moment at which its organization was or will be published, so that the same records
are public before and after. It takes no end: a withdrawn organization hides its memberships and
terms, and shows them when it is published again. A version takes the moment that its organization
had until the next version.

The way back is refused while records are held back that it would show: a draft of a public
organization. What the previous release adds while it runs on the new tables is a draft.
"""

from collections import defaultdict
from typing import Any

import datetime
import django.core.validators
from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from organizations.migrations.operations import terms_never_overlap

NAMES = ("Membership", "RepresentationTerm")
BATCH = 500


def take_moments(apps: Any, _editor: Any) -> None:
    organizations = apps.get_model("organizations", "Organization").objects
    moment = organizations.filter(pk=OuterRef("organization_id")).values("publish_at")
    present = dict(organizations.values_list("pk", "publish_at"))
    earlier = defaultdict(list)
    versions = apps.get_model("organizations", "HistoricalOrganization").objects
    for key, *version in versions.order_by("history_id").values_list("id", "history_date", "publish_at"):
        earlier[key].append(version)
    for name in NAMES:
        apps.get_model("organizations", name).objects.update(publish_at=Subquery(moment))
        versions = apps.get_model("organizations", f"Historical{name}").objects
        changed = list(_with_moments(versions.order_by("id", "-history_id"), present, earlier))
        versions.bulk_update(changed, ["publish_at"], BATCH)


def _with_moments(versions: Any, present: dict[int, Any], earlier: dict[int, list[Any]]) -> Any:
    """The versions, the last of each record first, with the moment of their organization."""
    later = None
    for version in versions:
        key = version.organization_id
        if later is None or later.id != version.id:
            moments = [present[key]] if key in present else [m for _date, m in earlier[key]]
        else:
            moments = [m for date, m in earlier[key] if date <= later.history_date]
        version.publish_at = moments[-1] if moments else present.get(key)
        later = version
        yield version


def refuse_held_back(apps: Any, _editor: Any) -> None:
    now = timezone.now()
    is_later = Q(publish_at__gt=now) & Q(publish_at__gt=F("organization__publish_at"))
    for name in NAMES:
        records = apps.get_model("organizations", name).objects
        records = records.exclude(organization__publish_at=None)
        held = records.filter(Q(publish_at=None) | is_later | Q(unpublish_at__isnull=False))
        if slugs := ", ".join(held.values_list("slug", flat=True)[:10]):
            raise IrreversibleError(f"{name}: publish or delete first what this would show: {slugs}")


class Migration(migrations.Migration):

    dependencies = [
        ('organizations', '0003_several_at_once'),
    ]

    operations = [
        # SQLite rebuilds the table of terms, without its triggers, in both directions.
        migrations.RunPython(migrations.RunPython.noop, terms_never_overlap.install),
        migrations.AddField(
            model_name='historicalmembership',
            name='publish_at',
            field=models.DateTimeField(blank=True, help_text='Vacío: borrador, solo lo ve la redacción.', null=True, validators=[django.core.validators.MaxValueValidator(datetime.datetime(9000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), 'Un año anterior a 9000.')], verbose_name='se publica'),
        ),
        migrations.AddField(
            model_name='historicalmembership',
            name='unpublish_at',
            field=models.DateTimeField(blank=True, help_text='Vacío: no se retira.', null=True, validators=[django.core.validators.MaxValueValidator(datetime.datetime(9000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), 'Un año anterior a 9000.')], verbose_name='se retira'),
        ),
        migrations.AddField(
            model_name='historicalrepresentationterm',
            name='publish_at',
            field=models.DateTimeField(blank=True, help_text='Vacío: borrador, solo lo ve la redacción.', null=True, validators=[django.core.validators.MaxValueValidator(datetime.datetime(9000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), 'Un año anterior a 9000.')], verbose_name='se publica'),
        ),
        migrations.AddField(
            model_name='historicalrepresentationterm',
            name='unpublish_at',
            field=models.DateTimeField(blank=True, help_text='Vacío: no se retira.', null=True, validators=[django.core.validators.MaxValueValidator(datetime.datetime(9000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), 'Un año anterior a 9000.')], verbose_name='se retira'),
        ),
        migrations.AddField(
            model_name='membership',
            name='publish_at',
            field=models.DateTimeField(blank=True, help_text='Vacío: borrador, solo lo ve la redacción.', null=True, validators=[django.core.validators.MaxValueValidator(datetime.datetime(9000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), 'Un año anterior a 9000.')], verbose_name='se publica'),
        ),
        migrations.AddField(
            model_name='membership',
            name='unpublish_at',
            field=models.DateTimeField(blank=True, help_text='Vacío: no se retira.', null=True, validators=[django.core.validators.MaxValueValidator(datetime.datetime(9000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), 'Un año anterior a 9000.')], verbose_name='se retira'),
        ),
        migrations.AddField(
            model_name='representationterm',
            name='publish_at',
            field=models.DateTimeField(blank=True, help_text='Vacío: borrador, solo lo ve la redacción.', null=True, validators=[django.core.validators.MaxValueValidator(datetime.datetime(9000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), 'Un año anterior a 9000.')], verbose_name='se publica'),
        ),
        migrations.AddField(
            model_name='representationterm',
            name='unpublish_at',
            field=models.DateTimeField(blank=True, help_text='Vacío: no se retira.', null=True, validators=[django.core.validators.MaxValueValidator(datetime.datetime(9000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), 'Un año anterior a 9000.')], verbose_name='se retira'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('unpublish_at', None), ('publish_at__lt', models.F('unpublish_at')), _connector='OR'), name='organizations_membership_unpublish_after_publish', violation_error_message='El retiro debe ser posterior a la publicación.'),
        ),
        migrations.AddConstraint(
            model_name='representationterm',
            constraint=models.CheckConstraint(condition=models.Q(('unpublish_at', None), ('publish_at__lt', models.F('unpublish_at')), _connector='OR'), name='organizations_representationterm_unpublish_after_publish', violation_error_message='El retiro debe ser posterior a la publicación.'),
        ),
        migrations.RunPython(take_moments, refuse_held_back),
        migrations.RunPython(terms_never_overlap.install, migrations.RunPython.noop),
    ]

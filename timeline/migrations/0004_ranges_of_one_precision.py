"""Writes stored ranges of two precisions as EDTF demands: `[2015-02..2016]` as `[2015-02..2016-12]`,
the same days, in the records and in their versions."""

from typing import Any

from django.db import migrations

from dates.edtf import parse
from dates.fields import EDTFField

APPS = ('sources', 'organizations', 'timeline')


def mend(apps: Any, schema_editor: Any) -> None:
    for model in (model for app in APPS for model in apps.get_app_config(app).get_models()):
        for name in [f.name for f in model._meta.fields if isinstance(f, EDTFField)]:
            ranges = model.objects.filter(**{f'{name}__startswith': '['}).values_list('pk', name)
            for pk, text in list(ranges):
                if parse(text).text != text:
                    model.objects.filter(pk=pk).update(**{name: text})  # the field mends it


class Migration(migrations.Migration):

    dependencies = [
        ('sources', '0002_lower_slugs'),
        ('organizations', '0002_lower_slugs'),
        ('timeline', '0003_parts_of_organizations'),
    ]

    operations = [migrations.RunPython(mend, migrations.RunPython.noop)]

from functools import partial

from django.db import migrations

from access.migrations.operations.vocabulary_rights import add_rights, remove_rights

MODELS = ("synonym",)


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0004_vocabulary_rights'),
        ('timeline', '0007_synonym'),
    ]

    operations = [
        migrations.RunPython(partial(add_rights, models=MODELS), partial(remove_rights, models=MODELS)),
    ]

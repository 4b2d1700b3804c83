from django.db import migrations

from access.migrations.operations.vocabulary_rights import add_rights, remove_rights


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0003_allauth'),
        ('timeline', '0005_vocabulary'),
    ]

    operations = [migrations.RunPython(add_rights, remove_rights)]

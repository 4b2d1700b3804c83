from django.db import migrations

from search.migrations.operations.index_of_words import empty


class Migration(migrations.Migration):

    dependencies = [
        ('search', '0001_initial'),
    ]

    operations = [migrations.RunPython(empty, empty)]

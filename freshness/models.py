from django.db import models


class Stamp(models.Model):
    """What the record was last changed to: numbers at random, drawn anew by the database itself
    with every change, so that no two states of the record ever had the same, not even in a backup.

    One row on SQLite, which has one writer at a time. On PostgreSQL as many as there ever were
    writers at once: each changes one that nobody else is holding, so that none waits for another.
    """

    value = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.value)

from django.db import models


class Stamp(models.Model):
    """The state of the record: random numbers that the database draws anew with every change, so
    that no two states ever share a name, not even after a backup is restored.

    One row on SQLite, which has one writer at a time. PostgreSQL has as many rows as it ever had
    writers at once: each changes one that no other has locked, so that none waits.
    """

    value = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.value)

from django.db import models


class Stamp(models.Model):
    """The state of the record: random numbers that the database replaces at each change. They are
    random, so that a state never repeats, even after a backup is restored.

    SQLite, with one writer at a time, has one row. PostgreSQL has a row for each simultaneous
    writer: a writer changes a row that is not locked, and does not wait.
    """

    value = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.value)

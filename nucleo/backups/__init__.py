"""Database and media in one file, and back, with every row and file compared.

The file is a ZIP: `database.sqlite3` or `database.pgdump`, `media/…`, and `manifest.json`, which
says what each table and file held at the moment of the backup. Whole, it ends with its own SHA-256.
With a recipient it is inside age (https://age-encryption.org), which hides it; it signs nothing.
"""


class BackupError(Exception):
    """What went wrong, in words for whoever ran the command."""

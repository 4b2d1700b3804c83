"""Data in and out: spreadsheets by django-import-export, with previews, receipts and undo; open
data; the fixtures and the command that builds them."""

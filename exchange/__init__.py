"""Data in and out: the fixtures and what builds them; spreadsheets, with their receipts and undo;
open data.

Not built on django-import-export: it works row by row, and between its preview and its confirmation
nothing holds file, user and records together; ours is one pass in batches that does all of it.
"""

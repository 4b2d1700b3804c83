"""The forms of the staff, and the rows of spreadsheets.

The admin: `admin` has RecordAdmin, which extends `actions`, `saving` and `versions`; `filters` has
the filters of lists. A form: `forms` has its fields and its checks, `reviews` fills it with other
values and notes the differences. A version: `snapshots` reads it, `differences` compares two.

Spreadsheets: `resources` has the base of all tables, `widgets` the kinds of cells.
"""

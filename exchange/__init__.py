"""Data in and out.

Spreadsheets: `formats` reads and writes files, `workbooks` reads the cells of an XLSX file,
`imports` runs an import and undoes it, `preview` shows it, `exports` sends files. `models` keeps
the receipts, `admin` and `forms` are the pages of the staff, `views` the open data. `facts` builds
the fixtures.
"""

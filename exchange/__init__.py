"""Data in and out.

Spreadsheets: `formats` reads and writes files, `workbooks` reads the cells of an XLSX file,
`imports` runs an import and undoes it, `preview` lists its changes for the pages, `exports` sends
files. `models` has the receipts, `admin` and `forms` the pages of the staff, `views` the open data.

Fixtures: `facts` builds them.
"""

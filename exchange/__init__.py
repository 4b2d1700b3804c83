"""Data in and out.

Spreadsheets: `formats` has the formats of files, `reading` reads a file in a child process,
`imports` runs an import and undoes it, `preview` lists its changes for the pages, `exports` sends
files. `models` has the receipts, `admin` and `forms` the pages of the staff, `views` the open data.

Fixtures: `facts` builds them.
"""

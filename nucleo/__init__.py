"""The project.

`settings`, `urls`, `wsgi` and `middleware` as in every Django project; `views` has the pages that
cross the apps, `admin` and `dashboard` the admin site and its front page, `errors` the error pages
and the health check, `backups` the functions of the backup commands.
"""

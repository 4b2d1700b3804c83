"""Accounts and logins.

django-allauth logs the staff in. `adapters` has what this site changes in it, `forms` and `views`
its forms and pages, `sessions` the end of a session and the factor that was given in it,
`second_factor` the encryption of factors. `admin` has accounts and roles, `log` the «Bitácora».
"""

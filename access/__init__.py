"""Accounts and logins.

`login` has the steps from the password to the admin, `second_factor` phones and recovery codes,
`throttle` the lockout, `sessions` the end of a session. `admin` has accounts and roles, `views` the
user's own account, `log` the «Bitácora».
"""

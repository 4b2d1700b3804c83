"""Settings from the environment, from `.env`, and from `settings.env` in the folder of the record.

Without DEBUG=1 the site does not start before SECRET_KEY, ALLOWED_HOSTS, DATABASE_URL, PUBLISHER,
PUBLISHER_ADDRESS and SOURCE_URL are set.
"""

import tomllib
from pathlib import Path

import dj_database_url
import django
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import Env

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text("utf-8"))["project"]["version"]
env = Env()
# A record of its own has its `.env`, its database and its uploads in its folder.
_record = env.str("RECORD", "")
RECORD = Path(_record).resolve() if _record else BASE_DIR / "fixtures"
_home = RECORD if _record else BASE_DIR
for _file in (_home / ".env", RECORD / "settings.env"):
    env.read_env(_file, recurse=False)

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "only-for-debugging" if DEBUG else "")
# Former keys, which still decrypt second factors while staff have phones from their time.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"] if DEBUG else [])
DATABASE_URL = env.str("DATABASE_URL", f"sqlite:///{_home / 'db.sqlite3'}" if DEBUG else "")

# The coalition that the record is about.
COALITION = env.str("COALITION", "")  # the slug of the coalition's own organization
SITE_NAME = env.str("SITE_NAME", "")
# Who answers for the site, by name and postal address, as a privacy notice requires.
PUBLISHER = env.str("PUBLISHER", "")
PUBLISHER_ADDRESS = env.str("PUBLISHER_ADDRESS", "")
CONTACT_EMAIL = env.str("CONTACT_EMAIL", "")
# Where readers get the code that this site runs (AGPL, section 13).
SOURCE_URL = env.str("SOURCE_URL", "")

_required: dict[str, object] = {"COALITION": COALITION, "SITE_NAME": SITE_NAME}
if not DEBUG:
    _required |= {
        "SECRET_KEY": SECRET_KEY,
        "ALLOWED_HOSTS": ALLOWED_HOSTS,
        "DATABASE_URL": DATABASE_URL,
        "PUBLISHER": PUBLISHER,
        "PUBLISHER_ADDRESS": PUBLISHER_ADDRESS,
        "SOURCE_URL": SOURCE_URL,
    }
if _missing := [name for name, value in _required.items() if not value]:
    raise ImproperlyConfigured(
        f"Set {', '.join(_missing)} in the environment, in {_home / '.env'} or in "
        f"{RECORD / 'settings.env'}; or DEBUG=1 on your own machine."
    )
if SOURCE_URL and not SOURCE_URL.startswith(("https://", "http://")):
    raise ImproperlyConfigured(f"SOURCE_URL={SOURCE_URL} is no web address: https://…")

# Part of the ids of feeds and calendars (RFC 4151): a host name, and a date on which we owned it.
# Do not change it when the site moves to another host, because ids must stay the same.
_hosts = [host.lstrip(".") for host in ALLOWED_HOSTS if host != "*"]
TAG_AUTHORITY = env.str("TAG_AUTHORITY", f"{_hosts[0] if _hosts else 'localhost'},2026")
SECURITY_CONTACT = env.str("SECURITY_CONTACT", CONTACT_EMAIL and f"mailto:{CONTACT_EMAIL}")
# Signs backups, so that `manage.py restore` reads no archive that somebody else made.
BACKUP_KEY = env.str("BACKUP_KEY", "") or SECRET_KEY
# The public keys of age that `manage.py backup` encrypts for.
BACKUP_RECIPIENT: list[str] = env.list("BACKUP_RECIPIENT", [])

INSTALLED_APPS = [
    "nucleo.apps.NucleoAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "django_prose_editor",
    "import_export",
    "simple_history",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "record",
    "freshness",
    "sources",
    "organizations",
    "timeline",
    "desk",
    "sharing",
    "exchange",
    "search",
    "access",
    "nucleo",
]

STORE_PAGES = env.bool("STORE_PAGES", not DEBUG)  # docs/freshness.md
# Each worker stores pages in its own memory; all workers of a machine share a folder.
CACHE_FOLDER = env.str("CACHE_FOLDER", "")
_cache = "filebased.FileBasedCache" if CACHE_FOLDER else "locmem.LocMemCache"
CACHES = {
    "pages": {
        "BACKEND": f"django.core.cache.backends.{_cache}",
        "LOCATION": CACHE_FOLDER,
        "TIMEOUT": 24 * 60 * 60,
        "OPTIONS": {"MAX_ENTRIES": 500},
    },
    # The counts of failed logins and the used codes, for all workers (`access.models.Count`).
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "access_count",
        "KEY_FUNCTION": "access.adapters.cache_key",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}

MIDDLEWARE = [
    "freshness.middleware.stored_pages",
    "nucleo.middleware.headers",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "nucleo.middleware.CompressPublicPages",
    "nucleo.middleware.refuse",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "access.sessions.with_factor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "access.late_posts.LatePosts",
    "nucleo.middleware.EditorPolicy",
    "sources.quotes.name_sources",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "nucleo.urls"
WSGI_APPLICATION = "nucleo.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "nucleo.views.site",
            ],
        },
    },
]

DATABASES = {
    "default": dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True)
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # Locks at the start, because a transaction that reads before it writes could fail.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # WAL lets connections read while another writes; FULL survives a power cut.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
        "PRAGMA mmap_size=1073741824;",
    }
else:
    # Gives up after two seconds without a server, and after fifteen without a network. The options
    # in DATABASE_URL override these.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 2,
        "keepalives_idle": 5,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 15_000,
    } | DATABASES["default"].get("OPTIONS", {})
# «Can't include a many-to-many field with a table of its own»: `editing.admin.FormFieldsAdmin` can.
SILENCED_SYSTEM_CHECKS = ["admin.E013"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FIXTURE_DIRS = [RECORD]

# Spanish, in a form such as `es-MX`, as browsers and search engines read it.
LANGUAGE_TAG = env.str("LANGUAGE_CODE", "es")
LANGUAGE_CODE = LANGUAGE_TAG.lower()
LANGUAGES = [(LANGUAGE_CODE, "Español")]
TIME_ZONE = env.str("TIME_ZONE", "UTC")
# Whose time that is, in the words of forms: «hora de México».
COUNTRY = env.str("COUNTRY", "") or TIME_ZONE
LOCALE_PATHS = [BASE_DIR / "locale"]

STATIC_URL = "static/"
STATIC_ROOT = env.path("STATIC_ROOT", BASE_DIR / "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MEDIA_URL = "media/"
MEDIA_ROOT = env.path("MEDIA_ROOT", _home / "media")

# Login and sessions
LOGIN_URL, LOGIN_REDIRECT_URL = "account_login", "admin:index"
AUTHENTICATION_BACKENDS = ["access.adapters.StaffBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # older accounts
]
_validation = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_validation}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_validation}.MinimumLengthValidator", "OPTIONS": {"min_length": 15}},
    {"NAME": f"{_validation}.CommonPasswordValidator"},
    {"NAME": "access.forms.PlainPasswordValidator"},
]
SECOND_FACTOR = not DEBUG
RECOVERY_CODE_COST = 2**14  # n of scrypt, of the recovery codes of version 1.0
SESSION_ENGINE = "access.sessions"
SESSION_COOKIE_AGE = 12 * 60 * 60  # seconds after the login
SESSION_IDLE = 2 * 60 * 60  # seconds without a request
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_HTTPONLY = True

# The addresses of our proxies. X-Forwarded-For is trusted from them only.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", ["127.0.0.1", "::1"])
ACCOUNT_ADAPTER = "access.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_ENABLED = False
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGIN_TIMEOUT = 10 * 60  # from the password to the code
ACCOUNT_REAUTHENTICATION_TIMEOUT = 10 * 60
# Locks out a name after five failed logins, and an address after fifty, for fifteen minutes.
ACCOUNT_RATE_LIMITS = {"login_failed": "5/15m/key", "login": "50/15m/ip"}
ACCOUNT_FORMS = {
    "login": "access.forms.LoginForm",
    "reauthenticate": "access.forms.ConfirmPasswordForm",
    "change_password": "access.forms.NewPasswordForm",
}
MFA_ADAPTER = "access.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG
MFA_TOTP_ISSUER = SITE_NAME
MFA_TOTP_TOLERANCE = 1  # steps before and after, for phones whose clock is off
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_RECOVERY_CODE_DIGITS = 12
MFA_FORMS = {
    "authenticate": "access.forms.CodeForm",
    "reauthenticate": "access.forms.ConfirmCodeForm",
    "activate_totp": "access.forms.PhoneForm",
    "login_webauthn": "access.forms.KeyLoginForm",
    "authenticate_webauthn": "access.forms.KeyForm",
    "reauthenticate_webauthn": "access.forms.ConfirmKeyForm",
    "add_webauthn": "access.forms.NewKeyForm",
}

# Mail, for notices to the staff about their accounts
_mail = {
    "host": env.str("EMAIL_HOST", ""),
    "port": env.int("EMAIL_PORT", 587),
    "username": env.str("EMAIL_HOST_USER", ""),
    "password": env.str("EMAIL_HOST_PASSWORD", ""),
    "use_tls": env.bool("EMAIL_USE_TLS", True),
    "timeout": 10,
}
if django.VERSION < (6, 1):
    EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, *_rest = _mail.values()
    EMAIL_USE_TLS, EMAIL_TIMEOUT = _rest
else:
    _smtp = "django.core.mail.backends.smtp.EmailBackend"
    MAILERS = {"default": {"BACKEND": _smtp, "OPTIONS": _mail}}
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", CONTACT_EMAIL)
ACCOUNT_EMAIL_NOTIFICATIONS = bool(_mail["host"] and DEFAULT_FROM_EMAIL)

# `nucleo.middleware.EditorPolicy` adds what the admin's editor needs.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# Settings that need TLS
ON_A_SERVER = {
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "SECURE_SSL_REDIRECT": True,
    "SECURE_REDIRECT_EXEMPT": [r"^healthz$"],
    "SECURE_HSTS_SECONDS": 63_072_000,
    # Set HSTS_SUBDOMAINS=0 if a subdomain has no TLS.
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": env.bool("HSTS_SUBDOMAINS", True),
    "SECURE_HSTS_PRELOAD": env.bool("HSTS_SUBDOMAINS", True),
    "SESSION_COOKIE_NAME": "__Host-sessionid",
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_NAME": "__Host-csrftoken",
    "CSRF_COOKIE_SECURE": True,
}
if not DEBUG:
    globals().update(ON_A_SERVER)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"refusals": {"()": "nucleo.logs.Refusals"}},
    "formatters": {"line": {"()": "nucleo.logs.JSONFormatter"}, "plain": {}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "plain" if DEBUG else "line",
            "filters": ["refusals"],
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    # The logger of the server's workers
    "loggers": {"_granian": {"handlers": ["console"], "propagate": False}},
}

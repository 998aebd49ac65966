"""Django settings; what an installation chooses is an environment variable (.env.example lists them)."""

import contextlib
import os
import secrets
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

from workbench.bootstrap import has_nvidia_driver

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = Path(os.environ.get("SEEDBED_STATE", BASE_DIR / "var")).resolve()
MEDIA_ROOT = STATE_DIR / "media"  # pictures only: Label Studio serves this folder to its users
MEDIA_ROOT.mkdir(parents=True, exist_ok=True)


def _flag(name: str, default: bool) -> bool:
    value = os.environ.get(name)
    if value not in (None, "0", "1"):
        raise ImproperlyConfigured(f"{name} must be 0 or 1, got {value!r}")
    return default if value is None else value == "1"


def _secret_key() -> str:
    """The key from SEEDBED_SECRET_KEY, else one made once and kept in the state folder."""
    given = os.environ.get("SEEDBED_SECRET_KEY")
    if given:
        return given
    file = STATE_DIR / "secret-key"
    if not file.exists():
        draft = STATE_DIR / f"secret-key.{os.getpid()}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            os.link(draft, file)
        draft.unlink()
    return file.read_text()


def _database() -> dict[str, object]:
    url = os.environ.get("DATABASE_URL")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": STATE_DIR / "seedbed.sqlite3",
            "TEST": {"NAME": STATE_DIR / "test.sqlite3"},  # a file: workers under test are processes
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"DATABASE_URL must begin with postgres://, got {parts.scheme}://")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
    }


def _time_zone() -> str:
    """The zone of schedules: SEEDBED_TIME_ZONE, else the machine's own, else UTC."""
    given = os.environ.get("SEEDBED_TIME_ZONE")
    machine = str(Path("/etc/localtime").resolve()).rpartition("zoneinfo/")[2]
    try:
        name = ZoneInfo(given or machine).key
    except (ZoneInfoNotFoundError, ValueError) as unknown:
        if given:
            raise ImproperlyConfigured(
                f"SEEDBED_TIME_ZONE must name a time zone, e.g. Europe/Berlin; got {given!r}"
            ) from unknown
        return "UTC"
    return "UTC" if name == "Etc/UTC" else name


SECRET_KEY = _secret_key()
DEBUG = False
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]  # health checks come by these, whatever the public name
ALLOWED_HOSTS = [*LOOPBACK, *filter(None, os.environ.get("SEEDBED_HOSTS", "").split(","))]
PORT = int(os.environ.get("SEEDBED_PORT", "8000"))
LEASE = timedelta(seconds=float(os.environ.get("SEEDBED_LEASE_SECONDS", "60")))  # a silent worker is dead
SYNC_SECONDS = float(os.environ.get("SEEDBED_SYNC_SECONDS", "15"))  # between two looks at Label Studio
JOB_MODULES = [
    "labeling.jobs",
    "labeling.consensus.jobs",
    "labeling.quality.jobs",
    "augment.jobs",
    "trainer.jobs",
    "trainer.curves.jobs",
    "trainer.features.jobs",
    "trainer.folds.jobs",
    "trainer.registry.jobs",
    "trainer.search.jobs",
    "workbench.jobs",
]  # only these hold job functions
CURVE_WORKERS = int(os.environ.get("SEEDBED_CURVE_WORKERS", "1"))  # at one curve; each trains one cell
TRAIN_QUEUE = os.environ.get("SEEDBED_TRAIN_QUEUE", "gpu" if has_nvidia_driver() else "cpu")

LABEL_STUDIO_URL = os.environ.get("LABEL_STUDIO_URL", "")  # empty: the embedded server
LABEL_STUDIO_PUBLIC_URL = os.environ.get(
    "LABEL_STUDIO_PUBLIC_URL", ""
)  # in people's browsers, where it differs
LABEL_STUDIO_API_KEY = os.environ.get("LABEL_STUDIO_API_KEY", "")
LABEL_STUDIO_PORT = int(os.environ.get("SEEDBED_LABEL_STUDIO_PORT", "8080"))
LABEL_STUDIO_DIR = STATE_DIR / "label-studio"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "ninja",  # its own copy of the API page instead of one from a CDN
    "django.contrib.staticfiles",
    "django_htmx",
    "axes",
    "labeling",
    "augment",
    "trainer",
    "workbench",
    "workbench.ledger",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "workbench.views.access.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
ROOT_URLCONF = "workbench.urls"
ASGI_APPLICATION = "workbench.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": _database()}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
# Cookies ignore ports, and Label Studio on the same host uses Django's stock names.
SESSION_COOKIE_NAME = "seedbed_session"
CSRF_COOKIE_NAME = "seedbed_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _flag("SEEDBED_HTTPS", False)
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("SEEDBED_ORIGINS", "").split(",") if o]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "sign-in"
SESSION_COOKIE_AGE = 7 * 24 * 3600
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if SESSION_COOKIE_SECURE else 0
SECURE_REDIRECT_EXEMPT = ["^healthz$"]
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000  # forms and JSON only: pictures come from folders
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "workbench.views.errors.csrf_failure"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # nobody can lock out a colleague from elsewhere
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "workbench/accounts/locked.html"
AXES_VERBOSE = False  # else every command begins with two lines of its own
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
LANGUAGE_CODE = "en-us"
TIME_ZONE = _time_zone()
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "static"
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SILENCED_SYSTEM_CHECKS: list[str] = []
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": sys.stderr}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("SEEDBED_LOG_LEVEL", "INFO")},
    "loggers": {
        "axes": {"level": "WARNING"},  # the attempts themselves stand in the database
        "httpx": {"level": "WARNING"},  # else a line for each request
    },
}

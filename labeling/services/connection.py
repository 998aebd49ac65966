"""Which Label Studio we speak to: the one that settings name, else the embedded one."""

from dataclasses import dataclass

from django.conf import settings

from labeling.label_studio import server


@dataclass(frozen=True)
class Connection:
    url: str  # for us
    public_url: str  # for people's browsers
    api_key: str
    embedded: bool

    @property
    def name(self) -> str:
        """What LabelProject.server_url says: "" is the embedded server, on whatever port."""
        return "" if self.embedded else self.url


def connection() -> Connection | None:
    """Return how to reach Label Studio, or None while no embedded one was ever started."""
    if settings.LABEL_STUDIO_URL:
        url = settings.LABEL_STUDIO_URL.rstrip("/")
        return Connection(
            url, settings.LABEL_STUDIO_PUBLIC_URL or url, settings.LABEL_STUDIO_API_KEY, embedded=False
        )
    keys = server.read_secrets(settings.LABEL_STUDIO_DIR)
    if keys is None:
        return None
    url = f"http://{server.HOST}:{settings.LABEL_STUDIO_PORT}"
    return Connection(url, settings.LABEL_STUDIO_PUBLIC_URL or url, keys.token, embedded=True)

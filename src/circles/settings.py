"""Settings: `CIRCLES_*` variables, each documented in docs/operating.md (a test compares)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from circles.errors import SettingsError

# A file of this name marks a data directory that a demo made; it is never served as a real one.
DEMO_MARK = "this-is-a-demo"
_PORT_MAX = 65535


@dataclass(frozen=True)
class Settings:
    """How this host runs. `url` is the public origin, without a path or a closing slash."""

    data: Path
    database_url: str
    url: str
    host: str = "127.0.0.1"
    port: int = 8000
    cap_max: int = 50
    demo: bool = False

    @property
    def secure(self) -> bool:
        """Whether members reach us over https (then cookies are Secure, and HSTS is sent)."""
        return self.url.startswith("https://")

    @property
    def host_name(self) -> str:
        """Host and port as they stand in the Host header and in the log's origin line."""
        return urlsplit(self.url).netloc

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the variables; SettingsError names the one that is wrong."""
        env = os.environ if env is None else env
        data = Path(env.get("CIRCLES_DATA", "data")).absolute()
        host, port = env.get("CIRCLES_HOST", "127.0.0.1"), _port(env.get("CIRCLES_PORT", "8000"))
        return cls(
            data=data,
            database_url=_database_url(env.get("CIRCLES_DATABASE_URL", ""), data),
            url=_origin(env.get("CIRCLES_URL", f"http://{host}:{port}")),
            host=host,
            port=port,
        )


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _PORT_MAX:
        raise SettingsError(f"CIRCLES_PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
        raise SettingsError(
            f"CIRCLES_URL must be an origin such as https://circles.example, not {text!r}."
        )
    return f"{parts.scheme}://{parts.netloc}"


def _database_url(text: str, data: Path) -> str:
    """The async driver is ours to choose; people write plain postgresql:// or sqlite://."""
    if not text:
        return f"sqlite+aiosqlite:///{data / 'circles.sqlite3'}"
    for plain, driver in (
        ("postgresql://", "postgresql+asyncpg://"),
        ("postgres://", "postgresql+asyncpg://"),
        ("sqlite://", "sqlite+aiosqlite://"),
    ):
        if text.startswith(plain):
            return driver + text.removeprefix(plain)
    if text.startswith(("postgresql+asyncpg://", "sqlite+aiosqlite://")):
        return text
    raise SettingsError("CIRCLES_DATABASE_URL must start with postgresql:// or sqlite://.")

"""Does the server of this host answer? For the container's health check: exit 0 if so.

python -m circles.operating.alive
"""

from __future__ import annotations

import http.client
import sys

from circles.settings import Settings

_TIMEOUT_S = 4
_OK = 200


def alive(settings: Settings) -> bool:
    """Whether `/` answers 200 on loopback, asked by the public name (others are refused)."""
    connection = http.client.HTTPConnection("127.0.0.1", settings.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/", headers={"Host": settings.host_name})
        return connection.getresponse().status == _OK
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if alive(Settings.from_env()) else 1)

"""Why a log refuses, in words."""

from __future__ import annotations

from circles.errors import MissingError, SettingsError


class LogBehindError(SettingsError):
    """The database is older than what this host has already signed: nothing more is signed.

    Signing on would show two histories to the world. Nothing is lost by waiting.
    """

    code = "log-behind"


class LogBrokenError(SettingsError):
    """A stored entry or root is not what was signed: nothing is signed over it."""

    code = "log-broken"


class UnknownLogError(MissingError):
    """This circle has no log yet; it is made when the circle is founded."""

    code = "unknown-log"

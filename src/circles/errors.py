"""What can go wrong, in words. Only `web/errors.py` knows HTTP numbers.

Every message says what happened and what the reader can do next.
"""


class CirclesError(Exception):
    """The base of all refusals; `code` is stable and machine-readable."""

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class MissingError(CirclesError):
    """What was asked for is not here."""

    code = "not-found"


class ForbiddenError(CirclesError):
    """Somebody else may do this, but not the one who asks."""

    code = "forbidden"


class SignInNeededError(CirclesError):
    """Only for members, and nobody is signed in."""

    code = "sign-in"


class ConflictError(CirclesError):
    """It was well said, but things stand otherwise: done before, taken, too late."""

    code = "conflict"


class InvalidError(CirclesError):
    """It cannot be read, or it breaks a rule; nothing was kept."""

    code = "malformed"


class TooManyError(CirclesError):
    """Too often in a short time; it works again after `retry_after_s` seconds."""

    code = "too-many"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OutcomeUnknownError(CirclesError):
    """The database did not answer the commit: it may or may not have happened.

    Send the same again; the same bytes have one effect. Never say "not saved" here
    (a failed sync can leave the row in place, and so can a lost answer to COMMIT).
    """

    code = "outcome-unknown"


class SettingsError(CirclesError):
    """The host is not set up right; the message names the setting."""

    code = "settings"

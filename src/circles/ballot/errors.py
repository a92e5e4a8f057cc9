"""Why the box refuses, in the contract's own words (docs/protocol.md, 5)."""

from __future__ import annotations

from circles.errors import CirclesError, ConflictError


class CastRefusedError(CirclesError):
    """A message was not taken; `code` is one of the contract's.

    malformed, unknown-poll, not-open, slate-changed, closed, too-long, token-invalid,
    sig-invalid, doc-mismatch, seq-exhausted.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)


class BoxStateError(ConflictError):
    """The box is not at the step that this needs; closing goes on from where it stands."""

    code = "box-state"

"""The secrets of a vote that this server holds: its trustee key and its draw salt.

Both are sealed at rest. The salt is published with the slate, the trustee's secret after the
close; what is published is deleted here.
"""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import MissingError
from circles.rounds.tables import SecretRow
from circles.vault import Vault

TRUSTEE = "trustee"
DRAW = "draw"


async def keep(db: AsyncSession, vault: Vault, poll_hash: bytes, kind: str, secret: bytes) -> None:
    """Keep a secret of a poll (TRUSTEE or DRAW)."""
    sealed = vault.seal(_purpose(kind), secret)
    db.add(SecretRow(poll_hash=poll_hash, kind=kind, sealed=sealed))
    await db.flush()


async def get(db: AsyncSession, vault: Vault, poll_hash: bytes, kind: str) -> bytes:
    """The secret; MissingError once it was deleted."""
    row = await db.get(SecretRow, (poll_hash, kind))
    if row is None:
        raise MissingError("This key was used and deleted, or it is not held here.")
    return vault.open(_purpose(kind), row.sealed)


async def drop(db: AsyncSession, poll_hash: bytes, kind: str) -> None:
    """Delete a secret that is published now. Safe to repeat."""
    await db.execute(
        delete(SecretRow).where(SecretRow.poll_hash == poll_hash, SecretRow.kind == kind)
    )


def _purpose(kind: str) -> str:
    return f"rounds-{kind}"

"""Who did what at the desk against the acts that the database told of it."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from circles import acts
from circles.ledger import act_tables, bank_tables, close_tables, payee_tables, payer_tables
from circles.ledger.problems import Problem
from circles.vault import Vault

# What the room's metadata knows once all of these are imported.
_TABLES = (act_tables, bank_tables, close_tables, payee_tables, payer_tables)
_METADATA = act_tables.ActRow.metadata
# The tables of which the database tells who did what.
TOLD = tuple(table.name for table in _METADATA.sorted_tables if acts.of(table) is not None)


async def acts_of(db: AsyncSession, vault: Vault) -> list[Problem]:
    """Each row of which acts are kept is as it was done, none is gone, and no act was altered."""
    return [
        Problem("all books", "act", wrong.where, wrong.what)
        for wrong in await acts.wrong(db, vault, _METADATA)
    ]

"""What a running host has: settings, database, clock, vault."""

from __future__ import annotations

from dataclasses import dataclass

from circles.clock import Clock, RealClock
from circles.db import Database
from circles.settings import Settings
from circles.vault import Vault


@dataclass(frozen=True)
class Host:
    """One host carries many circles."""

    settings: Settings
    database: Database
    clock: Clock
    vault: Vault

    def __post_init__(self) -> None:
        """What is done through this host is bound under its key."""
        self.database.keep_acts(self.vault)

    @classmethod
    def open(cls, settings: Settings, clock: Clock | None = None) -> Host:
        """Make the data directory (0700) and its key if need be, and open the database."""
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(
            settings=settings,
            database=Database(settings.database_url),
            clock=clock or RealClock(),
            vault=Vault.at(settings.data / "secret.key"),
        )

    async def close(self) -> None:
        """Let go of the database."""
        await self.database.close()

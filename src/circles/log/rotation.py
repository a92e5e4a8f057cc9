"""The log goes over to a fresh key: a record signed by both, and then the new one signs.

Receipts and checkpoints of earlier keys stay good evidence. Who kept an earlier key follows the
records; the secret half of the old key is gone from the database with the rotation.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from circles.host import Host
from circles.log import floor, signing, stored
from circles.log.checkpoints import Signed
from circles.protocol import signature
from circles.protocol.checkpoint import LogKey
from circles.protocol.records import Rotation
from circles.protocol.text import SIG_BYTES


def record(old: LogKey, new: LogKey) -> bytes:
    """The record that hands the log on from `old` to `new`, signed by both."""
    unsigned = bytes(SIG_BYTES)
    bare = Rotation(old.verifier.public, new.verifier.public, unsigned, unsigned)
    sig_old = signature.sign(old.seed, bare.text_for_old())
    half = Rotation(bare.old, bare.new, sig_old, unsigned)
    return Rotation(
        bare.old, bare.new, sig_old, signature.sign(new.seed, half.text_for_new())
    ).text()


async def rotate(db: AsyncSession, circle_id: bytes, host: Host) -> Signed:
    """Log the record, keep the new key instead of the old, sign the head with it.

    Raises LogBehindError, LogBrokenError as `sign` does. After the commit: `floor.raise_to`.
    """
    log = await stored.lock(db, circle_id)
    await floor.check(db, host, circle_id)
    old = LogKey(log.origin, host.vault.open(signing.PURPOSE, log.sealed_seed))
    new = LogKey.generate(log.origin)
    await stored.append(db, circle_id, [record(old, new)])
    log.verifier_key = new.verifier.text()
    log.sealed_seed = host.vault.seal(signing.PURPOSE, new.seed)
    await db.flush()
    return await signing.sign(db, host.vault, circle_id, host)

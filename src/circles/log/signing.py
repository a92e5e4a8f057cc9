"""The log's key and what it signs: checkpoints and receipts, never two histories."""

from __future__ import annotations

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.host import Host
from circles.log import checkpoints, floor, stored, tables
from circles.log.checkpoints import Signed
from circles.log.errors import LogBrokenError, UnknownLogError
from circles.protocol.checkpoint import Checkpoint, LogKey, NoteSigner, VerifierKey
from circles.protocol.merkle import Tree
from circles.protocol.merkle import leaf as leaf_hash
from circles.vault import Vault
from circles.web.i18n import gettext as _

PURPOSE = "log-key"


class ReceiptSigner(NoteSigner):
    """Signs receipts for one log, after the commit that they speak of; the same text gives the same
    bytes."""

    __slots__ = ()


async def found(db: AsyncSession, vault: Vault, circle_id: bytes, origin: str) -> str:
    """Make a circle's empty log with a fresh key; its verifier key."""
    key = LogKey.generate(origin)
    verifier = key.verifier.text()
    await db.execute(
        insert(tables.Log).values(
            circle_id=circle_id,
            origin=origin,
            verifier_key=verifier,
            sealed_seed=vault.seal(PURPOSE, key.seed),
        )
    )
    return verifier


async def verifier_key(db: AsyncSession, circle_id: bytes) -> str:
    """The log's present key in signed-note form, `<name>+<key id>+<base64>`, no line end."""
    return (await _log(db, circle_id)).verifier_key


async def sign(db: AsyncSession, vault: Vault, circle_id: bytes, host: Host) -> Signed:
    """Sign the head of the log and store it; nothing new is signed where nothing was added.

    Raises LogBehindError when the floor outside the database disagrees, LogBrokenError when a
    stored entry is not what an earlier checkpoint covers. Then nothing is signed.
    After the commit: `floor.raise_to`, before anyone is shown the checkpoint.
    """
    log = await stored.lock(db, circle_id)
    await floor.check(db, host, circle_id)
    before = await checkpoints.newest(db, circle_id)
    size = await stored.size(db, circle_id)
    if before is not None and before.size == size:
        return before
    tree = await _grown(db, circle_id, before, size)
    key = LogKey(log.origin, vault.open(PURPOSE, log.sealed_seed))
    signed = Signed(
        size, tree.root(), key.sign_note(Checkpoint(log.origin, size, tree.root()).text())
    )
    if before is None:
        floor.begin(host.settings, circle_id)
    await db.execute(
        insert(tables.Checkpoint).values(
            circle_id=circle_id, size=size, root=signed.root, note=signed.note
        )
    )
    return signed


async def receipt_signer(db: AsyncSession, host: Host, circle_id: bytes) -> ReceiptSigner:
    """What signs a receipt, taken out before the commit. LogBehindError as in `sign`."""
    # Two columns, not the row: casts are many.
    query = select(tables.Log.origin, tables.Log.sealed_seed)
    log = (await db.execute(query.where(tables.Log.circle_id == circle_id))).one_or_none()
    if log is None:
        raise _unknown()
    await floor.check(db, host, circle_id)
    return ReceiptSigner(LogKey(log.origin, host.vault.open(PURPOSE, log.sealed_seed)))


async def sign_receipt(db: AsyncSession, host: Host, circle_id: bytes, text: bytes) -> bytes:
    """A receipt's text as a note of the log."""
    return (await receipt_signer(db, host, circle_id)).sign(text)


async def check_whole(db: AsyncSession, host: Host, circle_id: bytes) -> None:
    """`floor.check`, and every stored entry and checkpoint hashed again. Raises LogBrokenError."""
    await floor.check(db, host, circle_id)
    log = await _log(db, circle_id)
    key = VerifierKey.parse(log.verifier_key)
    if key.public != LogKey(log.origin, host.vault.open(PURPOSE, log.sealed_seed)).verifier.public:
        raise _broken(_("The log's key is not the one it names."))
    tree = Tree()
    for entry in await stored.entries(db, circle_id):
        if entry.index != tree.size or leaf_hash(entry.data) != entry.leaf:
            raise _altered(entry.index)
        tree.append(entry.leaf)
    query = select(tables.Checkpoint.size, tables.Checkpoint.root).where(
        tables.Checkpoint.circle_id == circle_id
    )
    for size, root in await db.execute(query):
        if size > tree.size or tree.root(size) != root:
            raise _broken(_("Checkpoint %(size)s does not hold.") % {"size": size})


def _broken(what: str) -> LogBrokenError:
    return LogBrokenError(
        _(
            "%(what)s Nothing more is signed. Restore the database from a backup that was made "
            "before this happened; see docs/operating.md, 'When the log refuses'."
        )
        % {"what": what}
    )


def _altered(index: int) -> LogBrokenError:
    return _broken(_("Entry %(index)s is not what its hash says.") % {"index": index})


async def _log(db: AsyncSession, circle_id: bytes) -> tables.Log:
    found_log = await db.get(tables.Log, circle_id)
    if found_log is None:
        raise _unknown()
    return found_log


def _unknown() -> UnknownLogError:
    return UnknownLogError(_("This circle has no log yet. Found the circle first."))


async def _grown(db: AsyncSession, circle_id: bytes, before: Signed | None, size: int) -> Tree:
    """The tree of all leaves, which must go on from the last checkpoint."""
    known = 0 if before is None else before.size
    tree = Tree(await stored.leaves(db, circle_id, size))
    if before is not None and tree.root(known) != before.root:
        raise _broken(_("The log is not what its last checkpoint says."))
    for entry in await stored.entries(db, circle_id, known):
        if leaf_hash(entry.data) != entry.leaf:
            raise _altered(entry.index)
    return tree

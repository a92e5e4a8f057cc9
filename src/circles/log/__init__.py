"""The log: entries that only grow, checkpoints, receipts, and the floor outside the database.

from circles import log
from circles.log import floor

await log.append_once(db, circle_id, text)
await log.sign(db, host.vault, circle_id, host)     # in the same transaction
await floor.raise_to(host, circle_id)               # after its commit, before showing it
"""

from circles.log.checkpoints import Signed, first_with, newest, newest_checkpoint
from circles.log.errors import LogBehindError, LogBrokenError, UnknownLogError
from circles.log.rotation import rotate
from circles.log.signing import (
    ReceiptSigner,
    check_whole,
    found,
    receipt_signer,
    sign,
    sign_receipt,
    verifier_key,
)
from circles.log.stored import Entry, append, append_once, append_sorted, entries, index_of, size

__all__ = [
    "Entry",
    "LogBehindError",
    "LogBrokenError",
    "ReceiptSigner",
    "Signed",
    "UnknownLogError",
    "append",
    "append_once",
    "append_sorted",
    "check_whole",
    "entries",
    "first_with",
    "found",
    "index_of",
    "newest",
    "newest_checkpoint",
    "receipt_signer",
    "rotate",
    "sign",
    "sign_receipt",
    "size",
    "verifier_key",
]

"""The books as files that other programs read: beancount, hledger, ledger, spreadsheets, checkers.

Writers are pure and push text line by line; `reading` feeds them from one snapshot, a page at a
time, so memory stays the same however long the books are.
"""

from circles.ledger.export.reading import FORMATS, Format, export
from circles.ledger.export.values import Period

__all__ = ["FORMATS", "Format", "Period", "export"]

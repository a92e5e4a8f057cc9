"""Which addresses of the access table are pages for people, and who looks at them."""

from __future__ import annotations

from typing import Final

from tests.web.test_access import ROWS, Row
from tests.web.visitors import STEWARD, TREASURER

HTTP_OK: Final = 200
# All that is not a page, by the end of its path; no page may hide here (test_every_page.py).
FILES: Final = {
    "/archive.zip": "the record, for those who check it",
    "/data.json": "one's own data",
    "/poll": "records of the log, for the ballot's scripts and whoever checks it",
    "/close": "the same",
    "/{purpose}/slate": "the same; the draft that members read is a page",
    "/result": "the same",
    "/line": "what a member's own browser asks for while it takes and votes",
    "/roll": "the same",
    "/takes": "the same",
    "/session": "who is signed in, for scripts",
    "/documents/{name}": "the text of a nomination, by its hash",
    "/export/{kind}": "the books, for other programs",
    "/audit/{code}/{kind}": "the books, for an auditor's programs",
    "/pay-list/file": "payments, for the bank",
    "/log/{name}": "the log's own files",
    "/log/tile/{rest}": "the same",
    "/static/{digest}/{path}": "stylesheet, drawings and scripts",
}


def is_file(row: Row) -> bool:
    """Whether that row of the table gives a file."""
    return row.path.endswith(tuple(FILES))


def pages() -> list[Row]:
    """The rows that are pages, as the table tells."""
    return [row for row in ROWS if row.method == "GET" and not is_file(row)]


def who(row: Row) -> str | None:
    """Whom to look as: somebody who is let in and sees it; None for what is public."""
    if row.access == "all":
        return None
    return STEWARD if row.statuses.get(STEWARD) == HTTP_OK else TREASURER

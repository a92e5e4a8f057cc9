"""Files that were made to harm whoever reads them."""

from __future__ import annotations

import io

from circles.ledger.statements import preview, reading
from tests.statements.test_traps import CAMT, one


def test_numbers_and_names_of_columns_do_not_speak_to_the_terminal() -> None:
    """C1 controls are letters to XML, and orders to a terminal; what turns the writing around is
    nobody's number."""
    entry = (
        '<Ntry><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>'
        "<BookgDt><Dt>2026-11-10</Dt></BookgDt><NtryDtls><TxDtls><RltdPties><DbtrAcct><Id>"
        "<IBAN>FR14 \u009b31m\u202e2004</IBAN></Id></DbtrAcct></RltdPties></TxDtls></NtryDtls>"
        "</Ntry>"
    )
    file = CAMT.format(inside=entry, kind="Stmt", message="BkToCstmrStmt")
    file = file.replace("DE89370400440532013000", "DE89\u009b2J\u202e37")
    found = one(reading.read(file.encode()))
    assert found.account == "DE892J37"
    assert found.lines[0].counterparty_iban == "FR1431M2004"
    table = "Date;Amount\x1b[31m;Account\n2026-11-10;x;DE\x1b[2J1\n2026-11-11;5;DE\x1b[2J1\n"
    for content in (file, table):
        out = io.StringIO()
        preview.write(io.BytesIO(content.encode()), out, as_json=False)
        shown = out.getvalue()
        assert not [c for c in shown if c != "\n" and not c.isprintable()], shown

"""Who did what at the desk, told by the database itself in a table that is only added to; what was
there before is told as it stands. `circles.acts` binds it under the host's key."""

from alembic import op

from circles.migrations.telling import Kept, keep

revision = "ledger_0008"
down_revision = "ledger_0007"
branch_labels = None
depends_on = None

KEPT = {
    "ledger_payout": Kept(
        "id",
        (
            "id book_id month candidate amount_minor way state payee_sealed proposer_actor "
            "proposed_at recipient_actor confirmer_actor confirmed_at sent_on settled_on ended_at "
            "pay_from"
        ),
    ),
    "ledger_payee_change": Kept(
        "id",
        (
            "id payout_id payee_sealed recipient_actor asker_actor asked_at confirmer_actor "
            "confirmed_at dropped_at"
        ),
    ),
    "ledger_payout_close": Kept("payout_id actor", "payout_id actor said_by said_at"),
    "ledger_close_proposal": Kept(
        "book_id",
        (
            "book_id id month transfers head source bank_minor statement_minor cash_minor "
            "suspense_minor transit_minor unpresented_minor unpresented proposer_actor proposed_at"
        ),
    ),
    "ledger_period": Kept(
        "book_id month",
        (
            "book_id month id through seal_ref transfers head source bank_minor statement_minor "
            "cash_minor suspense_minor transit_minor unpresented_minor unpresented proposer_actor "
            "proposed_at checker_actor closed_at hash"
        ),
    ),
    "ledger_handover": Kept(
        "id",
        (
            "id book_id giver_actor taker_actor proposed_at accepted_at closed_through transfers "
            "head bank_minor cash_minor hash"
        ),
    ),
    "ledger_audit_link": Kept(
        "id",
        "id book_id code_hash period made_actor made_at expires_at revoked_at",
    ),
    "ledger_bank_account": Kept("id", "id book_id number code added_at added_actor"),
    "ledger_bank_statement": Kept(
        "id",
        (
            "id book_id account_id import_id position format kind file_sha256 id_in_file first_on "
            "last_on opening_on opening_minor closing_on closing_minor lines fresh imported_at "
            "imported_actor bound"
        ),
    ),
    "ledger_bank_withdrawal": Kept("statement_id", "statement_id at actor"),
    "ledger_bank_also": Kept("account_id key", "account_id key line_id actor"),
    "ledger_bank_match": Kept("id", "id book_id amount_minor tier reason_code actor at"),
    "ledger_bank_tied": Kept("match_id part", "match_id part line_id transfer_id"),
    "ledger_bank_untied": Kept("match_id", "match_id actor at"),
    "ledger_matching": Kept("book_id", "book_id by_itself said_actor said_at"),
}


def upgrade() -> None:
    """The table of acts, and what writes into it."""
    keep(op.get_bind(), "ledger_act", KEPT)

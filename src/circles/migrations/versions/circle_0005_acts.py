"""Where one pays in, and who changed it, is told by the database itself (`circles.acts`); a change
of the account stays as it was asked for, and is never taken out."""

from alembic import op

from circles.migrations.telling import Kept, keep

revision = "circle_0005"
down_revision = "circle_0004"
branch_labels = None
depends_on = None

KEPT = {
    "circle_circle": Kept(
        "id", "id pay_holder pay_iban pay_words", upon="pay_holder pay_iban pay_words"
    ),
    "circle_pay_change": Kept(
        "id",
        (
            "id circle_id holder iban words asker_actor asked_at confirmer_actor confirmed_at "
            "holds_from ended_at"
        ),
    ),
}
_STAYS = "circle: a change of the account stays as it was asked for"
# What was asked for may go, once, when it is over.
_REFUSED = """OLD.ended_at IS NOT NULL OR NEW.id <> OLD.id OR NEW.circle_id <> OLD.circle_id
  OR NEW.asker_actor <> OLD.asker_actor OR NEW.asked_at <> OLD.asked_at
  OR (OLD.confirmer_actor IS NOT NULL AND (NEW.confirmer_actor IS {unlike} OLD.confirmer_actor
    OR NEW.confirmed_at IS {unlike} OLD.confirmed_at OR NEW.holds_from IS {unlike} OLD.holds_from))
  OR (NEW.ended_at IS NULL AND (NEW.iban <> OLD.iban OR NEW.holder <> OLD.holder
    OR NEW.words <> OLD.words))"""

SQLITE = (
    f"""
CREATE TRIGGER circle_pay_change_stays BEFORE UPDATE ON circle_pay_change BEGIN
  SELECT RAISE(ABORT, '{_STAYS}') WHERE {_REFUSED.format(unlike="NOT")};
END""",
    f"""
CREATE TRIGGER circle_pay_change_never_delete BEFORE DELETE ON circle_pay_change BEGIN
  SELECT RAISE(ABORT, '{_STAYS}');
END""",
)
POSTGRESQL = (
    f"""
CREATE FUNCTION circle_pay_change_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NOT ({_REFUSED.format(unlike="DISTINCT FROM")}) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION '{_STAYS}' USING ERRCODE = 'check_violation';
END $$""",
    """
CREATE TRIGGER circle_pay_change_stays BEFORE UPDATE OR DELETE ON circle_pay_change
FOR EACH ROW EXECUTE FUNCTION circle_pay_change_stays()""",
    """
CREATE TRIGGER circle_pay_change_never_truncate BEFORE TRUNCATE ON circle_pay_change
FOR EACH STATEMENT EXECUTE FUNCTION circle_pay_change_stays()""",
)


def upgrade() -> None:
    """The table of acts, what writes into it, and the guards of a change."""
    connection = op.get_bind()
    keep(connection, "circle_act", KEPT)
    for guard in SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL:
        connection.exec_driver_sql(guard)

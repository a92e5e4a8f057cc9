"""Any message of each type, for Hypothesis."""

from datetime import UTC, date, datetime

from hypothesis import strategies as st

from circles.protocol import messages as m
from circles.protocol.text import INT_MAX, b64

ID = st.binary(min_size=16, max_size=16)
HASH = st.binary(min_size=32, max_size=32)
SIG = st.binary(min_size=64, max_size=64)
# Mostly zeros: 384 random bytes would use up Hypothesis' choices.
RSA = st.binary(min_size=1, max_size=8).filter(any).map(lambda x: x.rjust(384, b"\0"))
INT = st.integers(0, INT_MAX) | st.integers(0, 20)
AMOUNT = st.integers(1, INT_MAX)
TIME = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001  # made aware below
    lambda x: x.replace(microsecond=0, tzinfo=UTC)
)
DAY = st.dates(date(1, 1, 1), date(9999, 12, 31))
MONTH = DAY.map(lambda day: day.isoformat()[:7])
CURRENCY = st.sampled_from(["EUR", "CHF", "JPY"])
NUMBER = st.integers(1, 999)
CLIENTS = st.lists(HASH, unique=True, max_size=3).map(lambda x: tuple(sorted(x, key=b64)))


def rsa(most: int = 4) -> st.SearchStrategy[tuple[bytes, ...]]:
    """One to four RSA values."""
    return st.lists(RSA, min_size=1, max_size=most).map(tuple)


def named(
    reasons: tuple[str, ...],
) -> st.SearchStrategy[tuple[tuple[bytes, str], ...]]:
    """Leaves with a reason each, ascending."""
    pairs = st.dictionaries(HASH, st.sampled_from(reasons), max_size=3)
    return pairs.map(lambda x: tuple(sorted(x.items(), key=lambda pair: b64(pair[0]))))


def numbered(values: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[tuple[int, int], ...]]:
    """Candidate numbers with a value each, ascending."""
    return st.dictionaries(NUMBER, values, max_size=4).map(lambda x: tuple(sorted(x.items())))


WORD = st.from_regex(r"[a-z][a-z0-9-]{0,5}", fullmatch=True)
PARAMS = st.dictionaries(WORD, st.from_regex(r"[a-z0-9-]{1,5}", fullmatch=True), max_size=3).map(
    lambda x: tuple(sorted(x.items()))
)
TIMES = {"take_from": TIME, "opens_at": TIME, "closes_at": TIME, "clients": CLIENTS}
POLL = {
    "circle": ID,
    "month": MONTH,
    "roll": HASH,
    "members": INT,
    "slots": st.integers(1, 5),
    "issuers": rsa(),
    **TIMES,
}
NOMINATING = st.builds(
    m.Poll,
    purpose=st.just(m.NOMINATE),
    trustees=st.just(()),
    threshold=st.just(0),
    rule=st.just(m.NO_RULE),
    params=st.just(()),
    max_choices=st.just(0),
    min_voters=st.just(0),
    draw_commit=st.none(),
    **POLL,
)
VOTING = st.builds(
    m.Poll,
    purpose=st.just(m.VOTE),
    trustees=st.lists(HASH, min_size=1, max_size=9).map(tuple),
    threshold=st.integers(1, 9),
    rule=st.builds("{}/{}".format, WORD, st.integers(1, 999)).filter(lambda x: x != m.NO_RULE),
    params=PARAMS,
    max_choices=st.integers(1, 20),
    min_voters=INT,
    draw_commit=HASH,
    **POLL,
)
ASK = st.one_of(
    st.builds(m.Ask, AMOUNT, st.none(), st.booleans()),
    st.builds(m.Ask, st.none(), st.none() | AMOUNT, st.just(True)),
)
CLOSE = {
    "poll": HASH,
    "takes": HASH,
    "take_count": INT,
    "reissued": INT,
    "voters": INT,
    "first": INT,
    "ballots": INT,
    "keys": INT,
}


def _cast(tokens: int) -> dict[str, st.SearchStrategy[object]]:
    return {
        "poll": HASH,
        "key": HASH,
        "prefixes": st.lists(HASH, min_size=tokens, max_size=tokens).map(tuple),
        "tokens": st.lists(RSA, min_size=tokens, max_size=tokens).map(tuple),
        "seq": st.integers(1, 20),
        "sig": SIG,
    }


SHARES = st.lists(st.binary(max_size=8).map(lambda x: x.ljust(80, b"\1")), min_size=1, max_size=9)
BODY = st.binary(max_size=8).map(lambda x: x.ljust(272, b"\2"))
TAKE = st.builds(m.Take, HASH, ID, st.integers(0, 4), rsa())
TICKS = st.sets(NUMBER, max_size=6).map(lambda x: tuple(sorted(x)))

MESSAGES: dict[str, st.SearchStrategy[m.Message]] = {
    "poll nominate": NOMINATING,
    "poll vote": VOTING,
    "event": st.builds(m.Event, poll=HASH, reissued=INT, **TIMES),
    "slate": st.builds(
        m.Slate, HASH, HASH, st.lists(HASH, max_size=4).map(tuple), named(m.OMIT_REASONS)
    ),
    "close nominate": st.builds(m.Close, **CLOSE),
    "close vote": st.builds(m.Close, fund_minor=INT, currency=CURRENCY, ledger=HASH, **CLOSE),
    "opening": st.builds(m.Opening, HASH, st.integers(1, 9), HASH),
    "result": st.builds(
        m.Result,
        HASH,
        INT,
        named(m.BALLOT_VOID_REASONS),
        numbered(INT),
        INT,
        numbered(AMOUNT),
        INT,
    ),
    "void": st.builds(m.Void, HASH, st.sampled_from(m.ROUND_VOID_REASONS)),
    "seal": st.builds(m.Seal, ID, MONTH, INT, HASH, INT, CURRENCY),
    "payout": st.builds(m.Payout, HASH, NUMBER, AMOUNT, DAY, HASH),
    "rotation": st.builds(m.Rotation, HASH, HASH, SIG, SIG),
    "ballot": st.integers(1, 4).flatmap(
        lambda n: st.builds(
            m.Ballot, slate=HASH, commit=HASH, shares=SHARES.map(tuple), body=BODY, **_cast(n)
        )
    ),
    "nomination": st.integers(1, 4).flatmap(
        lambda n: st.builds(m.Nomination, ask=ASK, doc=HASH, **_cast(n))
    ),
    "roll": st.builds(m.Roll.of, ID, st.lists(ID, unique=True, max_size=5)),
    "take": TAKE,
    "taken": st.builds(m.Taken, HASH, rsa()),
    "takes": st.builds(m.Takes.of, HASH, st.lists(TAKE, unique=True, max_size=3)),
    "credential": st.builds(m.Credential, HASH, HASH),
    "receipt": st.builds(m.Receipt, HASH, HASH),
    "choice": st.builds(m.Choice, ID, TICKS, st.booleans()),
}

"""Proposals for a batch of lines: the one way in."""

from __future__ import annotations

from collections.abc import Sequence

from circles.ledger.matching import incoming, outgoing
from circles.ledger.matching.state import State
from circles.ledger.matching.values import Known, Proposal, Seen


def propose(lines: Sequence[Seen], known: Known) -> list[Proposal]:
    """One proposal for each line, in their order, which is taken to be that of time: what an
    earlier line covers is not waited for by a later one. Books nothing, and asks nobody."""
    state = State(known)
    found: list[Proposal] = []
    for seen in lines:
        proposal = (
            incoming.propose(seen, state)
            if seen.payment.amount_minor > 0
            else outgoing.propose(seen, state)
        )
        state.take(proposal, seen.booked_on)
        found.append(proposal)
    return found

"""Months with any number of trustees, any of whom open, and a ballot with one wrong share."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from circles.protocol import ballot as b
from circles.protocol import messages as m
from circles.protocol import seal
from tests.protocol.simulator import Month, trustee_key


def month_of(
    trustees: int, threshold: int, openings: Sequence[int], broken: int = 0
) -> tuple[Month, bytes]:
    """A month that was lived; and the leaf of the ballot whose share for `broken` is no share.

    With `broken` 0 every share is right. `openings` stand in the log in the order given.
    """
    leaves: list[bytes] = []

    def poll(record: m.Poll) -> m.Poll:
        keys = tuple(trustee_key(number).public for number in range(1, trustees + 1))
        return replace(record, trustees=keys, threshold=threshold)

    def ballot(message: m.Ballot) -> m.Ballot:
        shares = list(message.shares)
        if broken:
            info = seal.share_info(message.poll, message.key, broken)
            # It opens, but to a share of another key where t > 1, and not at all where it is noise.
            noise = secrets.token_bytes(80)
            sealed = seal.seal_share(bytes(32), trustee_key(broken).public, info)
            shares[broken - 1] = noise if threshold == 1 else sealed
        bent = replace(message, shares=tuple(shares))
        signed = b.sign_ballot(bent, month.vote.credentials[0, 0, 0].seed)
        leaves.append(signed.record_id())
        return signed

    month = Month(bend={"poll vote": poll, "ballot": ballot}, openings=tuple(openings))
    month.run()
    return month, leaves[0]


def result_of(month: Month) -> m.Result | None:
    """The result that stands in the log, if any."""
    found = [m.parse(entry) for entry in month.entries]
    return next((record for record in found if isinstance(record, m.Result)), None)


def void_of(month: Month) -> m.Void | None:
    """The void that stands in the log, if any."""
    found = [m.parse(entry) for entry in month.entries]
    return next((record for record in found if isinstance(record, m.Void)), None)

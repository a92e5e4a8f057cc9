"""A pledge becoming money: members' numbers meet the books. See docs/architecture.md.

A due arises when the round starts, with the amount of that day. It moves to the fund at once when
the member's balance covers it; otherwise it waits for money to arrive, and nobody is told.
"""

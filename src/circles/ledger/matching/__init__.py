"""Which line of the bank belongs to whom: values in, proposals out. No database, no other room.

`propose.propose(lines, known)` says for each line what it most likely was, how sure that is, and
why. It books nothing. See docs/decisions for the tiers and what a wrong guess would cost.
"""

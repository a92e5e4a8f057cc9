"""The books: accounts, transfers that balance by construction, payouts, and their verification.

The books know neither people nor ballots: a member is a number (`M0042`), an officer a random one.
"""

"""The bank's side of the books: what its files say, and which transfers in the books that is.

`staging` reads a file aside, `imports` plans and keeps it, `lines` gives what was kept, `matches`
ties lines to transfers, `continuity` finds what is missing between statements.
"""

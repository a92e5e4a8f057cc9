"""A member's own client, for a command line: collect credentials, cast, look afterwards.

It knows the protocol and HTTP (the standard library's), and nothing of the server. Its file is the
one that the ballot page saves and loads: either can go on with what the other kept.
"""

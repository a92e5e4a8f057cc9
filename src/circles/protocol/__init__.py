"""The ballot protocol: what members, servers and outsiders compute, and nothing else.

Pure: no network but `archive_source`, no database, no clock. docs/protocol.md is the contract.
"""

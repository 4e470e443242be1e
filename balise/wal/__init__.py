"""A copy of the whole server that grows with its log (WAL): any moment of it can be gone back to.

A base copy, and from before it on PostgreSQL's own log, piece by piece, each closed with age.
"""

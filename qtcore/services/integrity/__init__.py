"""The check of everything a database promises: invariants I1 to I13, each violation with its place.

It must not change anything.
"""

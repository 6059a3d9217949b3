"""The revisions of the tables, oldest first; each is frozen once it is released.

A revision must not import the tables: it says itself what they were.
"""

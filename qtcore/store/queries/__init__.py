"""Set-based reads: a few statements for any number of lots, never a walk over objects.

It must not write, nor judge what it reads.
"""

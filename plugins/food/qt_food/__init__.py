"""The food pack: from harvest and landing to the shelf, and back in a recall, in definitions alone.

It must not know the core, nor any other pack.
"""

"""The cosmetics pack: what a cosmetics plant adds to the core, as definition files alone.

It must not know the core, nor any other pack.
"""

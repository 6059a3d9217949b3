"""Base, packs and site merged into one frozen, fingerprinted registry; hooks behind a fence."""

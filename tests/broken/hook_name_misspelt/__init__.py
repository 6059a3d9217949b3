"""A pack with a misspelt hook."""

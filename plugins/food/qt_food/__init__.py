"""The food pack: what a food plant adds to the core, as definition files."""

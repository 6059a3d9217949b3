"""The cosmetics pack: what a cosmetics plant adds to the core, as definition files."""

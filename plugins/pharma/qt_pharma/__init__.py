"""The pharma pack: what a pharma plant adds to the core, as definition files."""

"""A pack whose import fails."""

raise RuntimeError("the licence file is missing")

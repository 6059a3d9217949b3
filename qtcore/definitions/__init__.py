"""Text files turned into checked, positioned, frozen descriptions; no hooks, no database."""

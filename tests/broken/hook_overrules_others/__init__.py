"""A pack that would drop the objections of others."""

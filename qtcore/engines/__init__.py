"""Pure decisions over descriptions and facts; engines know neither each other nor a database."""

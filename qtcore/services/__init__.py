"""What QTCore does for its users: one file per use case, called by command line, API and pages."""

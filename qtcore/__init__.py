"""QTCore: lot and serial traceability, release, recall and proof for regulated factories."""

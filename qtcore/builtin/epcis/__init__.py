"""Reads EPCIS 2.0 documents in JSON and JSON-LD.

It must not know our database; `qtcore.builtin.epcis.reading.read_epcis` is the door.
"""

"""Reads EPCIS documents, 2.0 in JSON and XML and 1.2 in XML, and writes those of 2.0.

It must not know our database; `qtcore.builtin.epcis.reading.read_epcis` is the door.
"""

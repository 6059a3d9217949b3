"""The standard's own addresses under /epcis: capture, events, queries, discovery.

It must not know how events are stored or found.
"""

"""The web: one Litestar application with a JSON API and server-rendered pages.

It must not know SQL, and it decides nothing: every answer comes from a service.
"""

"""The JSON API below /api/v1: routes with declared inputs, and the OpenAPI document made of them.

It must not know HTML.
"""

"""The pages: server-rendered, in English and Chinese, usable with a keyboard and without scripts.

It must not know SQL or JSON routes; every figure comes from the services the API uses too.
"""

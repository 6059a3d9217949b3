"""The demo site: one company with a pharma, a food and a cosmetics plant, ten weeks of history.

It must not write to the database itself: everything is told to the services, as people would.
"""

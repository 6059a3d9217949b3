"""Parts the product brings itself through the same door as any pack: readers and writers of files.

It must not know the database, services or pages.
"""

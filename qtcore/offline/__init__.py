"""What works without QTCore: single files that are handed out and run elsewhere.

It must not import QTCore, nor be imported by it: the product only copies these files.
"""

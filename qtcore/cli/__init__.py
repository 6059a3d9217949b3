"""The command line: each command calls one service and prints what it answers.

It must not hold rules of its own. Exit codes: 0 done, 1 the answer is "no" or problems were found,
2 wrong usage.
"""

from qtcore.cli.main import main

__all__ = ["main"]

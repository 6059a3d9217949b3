"""Lets ``python -m qtcore`` do what the command ``qtcore`` does.

It must not hold anything of its own.
"""

from qtcore.cli import main

if __name__ == "__main__":
    main()

"""The desk at which the demo's people prove who they are, hundreds of times within some seconds.

It must not change what a password costs: a pair of password and hash that fitted once, checked
with argon2 at its full cost, fits again without a second computation. See decision 0062.
"""

from qtcore.services.passwords import PasswordDesk


class StoryDesk(PasswordDesk):
    """Checks each pair of password and stored hash once; what did not fit is checked again."""

    def __init__(self) -> None:
        super().__init__()
        self._fitted: set[tuple[str, str]] = set()

    def fits(self, password: str, stored: str) -> bool:
        """Check a password, unless this very pair fitted before."""
        pair = (password, stored)
        if pair not in self._fitted and super().fits(password, stored):
            self._fitted.add(pair)
        return pair in self._fitted

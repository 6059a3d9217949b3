"""What the EPCIS addresses accept at most.

It must not know routes.
"""

from typing import Final

MAX_CAPTURE: Final = 64 * 1024 * 1024
"""Bytes of one request to capture, as it is sent."""

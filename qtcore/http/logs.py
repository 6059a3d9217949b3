"""Structured logs: one JSON line per request, each with the request id; secrets never appear.

It must not know what a request is about beyond method, path and status.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET = re.compile(r"pass|secret|token|cookie|authori[sz]ation|csrf", re.IGNORECASE)
MASK = "***"


def mask_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the value of every field whose name speaks of a secret."""
    for key in event:
        if _SECRET.search(key):
            event[key] = MASK
    return event


def make_logger(stream: Any = None) -> Any:
    """Make the logger of one application; it has no global state and writes to stderr."""
    return structlog.wrap_logger(
        structlog.PrintLogger(stream or sys.stderr),
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


def configure_logs() -> None:
    """Let every other logger of this process, such as the worker's, write the same JSON lines."""
    structlog.configure(
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _processors() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]

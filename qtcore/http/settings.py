"""What is decided once when the application is made.

It must not know requests.
"""

from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment

from qtcore.http.rates import UNLIMITED, Rates
from qtcore.http.texts import Texts
from qtcore.services.disk_watch import DiskWatch
from qtcore.services.uploads import MAX_FILE

MAX_BODY = 1_048_576
# Addresses that end so take files; base64 makes three bytes four.
UPLOADS = "/attachments"
MAX_UPLOAD = MAX_FILE // 3 * 4 + 65_536
# A body that takes longer holds a place that others need; 1 MB in 30 s is 35 kB/s.
BODY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Texts, templates, logger and the few choices an application has.

    `secure_cookies`: None means as the request came, by https or not. `dev` shows template changes
    without a restart; `disk` then watches the definitions. `proxies`: how many trusted proxies
    stand before the application. `rates`: how much one may send.
    """

    texts: Texts
    templates: Environment
    logger: Any
    secure_cookies: bool | None = None
    dev: bool = False
    proxies: int = 0
    disk: DiskWatch | None = None
    rates: Rates = field(default_factory=lambda: Rates(UNLIMITED))
    max_body: int = MAX_BODY
    body_seconds: float = BODY_SECONDS

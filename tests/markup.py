"""Finds in a page what a strict policy would stop: code and styles that stand in the markup."""

from html.parser import HTMLParser


class _Inline(HTMLParser):
    """Collects scripts and styles that are not files of ours, handlers, and addresses of code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        is_data = told.get("type") == "application/json"
        if tag == "style" or (tag == "script" and not is_data and not _is_ours(told.get("src"))):
            self.found.append(f"<{tag}>")
        if tag in {"iframe", "object", "embed", "base"}:
            self.found.append(f"<{tag}>")
        if tag == "link" and told.get("rel") == "stylesheet" and not _is_ours(told.get("href")):
            self.found.append("<link>")
        for name, value in told.items():
            address = "".join(value.split()).lower()
            if name.startswith("on") or name == "style" or address.startswith("javascript:"):
                self.found.append(f"<{tag} {name}>")


def _is_ours(address: str | None) -> bool:
    return bool(address) and str(address).startswith("/") and not str(address).startswith("//")


def inline_in(page: str) -> list[str]:
    """List what a page holds that `script-src 'self'; style-src 'self'` would stop."""
    reader = _Inline()
    reader.feed(page)
    return reader.found

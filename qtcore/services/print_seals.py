"""The seal of a printed page: what the product has printed, signed by the key of the ledger.

It must not know templates. Everything of the page but the seal is covered, so that a page whose
text, style or foot was changed is told from one that the product has made.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape, unescape
from typing import Any, Final, Literal

from qtcore.context import Context
from qtcore.engines.ledger import NoteError, open_note, sign_note
from qtcore.errors import InputRejected
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.queries.ledger import list_uids_about
from qtcore.store.signers import Signer

PageVerdict = Literal["HOLDS", "PAGE_CHANGED", "BAD_SIGNATURE", "NOT_IN_LEDGER"]
MOST_CHARACTERS: Final = 20_000_000
_TAG: Final = "qtcore-document"
_END: Final = "</body>\n</html>\n"
_SEAL: Final = re.compile(r'<pre class="document-seal">([^<]*)</pre>\n' + re.escape(_END) + r"\Z")


@dataclass(frozen=True, slots=True)
class CheckedPage:
    """What a printed page shows; `later` entries tell of its subject since it was printed."""

    verdict: PageVerdict
    message: str
    document: str = ""
    subject_id: str = ""
    event_id: str = ""
    later: int = 0

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "verdict": self.verdict,
            "message": self.message,
            "document": self.document,
            "subject_id": self.subject_id,
            "event_id": self.event_id,
            "later": self.later,
        }


def seal_page(page: str, signer: Signer, said: Sequence[str]) -> str:
    """Put the seal at the end of a page; `said` are document, subject and last ledger entry."""
    digest = sha256(page.encode()).hexdigest()
    body = "\n".join((_TAG, digest, *said)) + "\n"
    note = sign_note(body, signer.name, signer.private_key)
    before = page.removesuffix(_END)
    return f'{before}<pre class="document-seal">{escape(note)}</pre>\n{_END}'


def check_page(site: Site, context: Context, page: str) -> CheckedPage:
    """Say whether a page is what this site has printed, and whether the ledger went on since.

    Raises InputRejected for what carries no seal, Denied without the right.
    """
    require(site, context, "ledger.read")
    if len(page) > MOST_CHARACTERS:
        raise InputRejected(f"the page has more than {MOST_CHARACTERS} characters")
    found = _SEAL.search(page)
    note = unescape(found.group(1)) if found else ""
    if found is None or not note.startswith(f"{_TAG}\n"):
        raise InputRejected(
            "the page ends without a seal; give the file as `qtcore document print --out` or the "
            "API wrote it: a browser that saves a page writes another one"
        )
    signer = site.signer
    try:
        body = open_note(note, (signer.key, *(each.key for each in signer.retired))).body
    except NoteError as exc:
        return CheckedPage("BAD_SIGNATURE", f"no key of this site has sealed the page: {exc}")
    _, digest, document, subject, entry, *_ = [*body.split("\n"), "", "", "", ""]
    about = (document, subject, entry)
    if sha256((page[: found.start()] + _END).encode()).hexdigest() != digest:
        return CheckedPage("PAGE_CHANGED", "the page is not what was printed", *about)
    with site.store.read() as session:
        told = list_uids_about(session, site.store.tenant_id, subject)
    return _placed(about, told)


def _placed(about: tuple[str, str, str], told: list[str]) -> CheckedPage:
    entry = about[2]
    if entry and entry not in told:
        said = f"entry {entry}, the last one when it was printed, is not in the ledger any more"
        return CheckedPage("NOT_IN_LEDGER", said, *about)
    later = told.index(entry) if entry else len(told)
    return CheckedPage("HOLDS", "the page is what was printed", *about, later)

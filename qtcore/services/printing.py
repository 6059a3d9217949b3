"""Printed documents of packs: a template filled with what is known of a lot, record or shipment.

It must not know pages. Each says by which definition it was made and how far the history of its
subject went, so that a sheet of paper can be compared with the ledger years later.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, Final

from sqlmodel import Session

from qtcore.context import Context
from qtcore.definitions.documents import DocumentDefinition
from qtcore.errors import InputRejected
from qtcore.registry.templates import fill_template
from qtcore.services.print_seals import seal_page
from qtcore.services.printing_data import (
    Seen,
    delegation_values,
    lot_values,
    recall_values,
    record_values,
    shipment_values,
)
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.queries.ledger import list_ledger
from qtcore.store.signers import Signer

STYLE: Final = Path(__file__).parent / "printing.css"
_READ: Final[Mapping[str, Callable[[Site, Context, str], Seen]]] = {
    "lot": lot_values,
    "record": record_values,
    "recall": recall_values,
    "shipment": shipment_values,
    "delegation": delegation_values,
}
_FOOT: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "document": "Document",
        "version": "configuration version",
        "ledger": "Last entry of its history",
        "place": "number",
        "waiting": "not sealed yet",
        "none": "none",
        "printed": "Printed",
        "laid_out": "Laid out by pack",
        "signatures": "Electronic signatures",
        "superseded": "superseded: the record has changed since",
        "void": "void: this is not what was signed",
        "revision": "revision",
        "for": "for",
        "delegation": "delegation",
    },
    "zh-CN": {
        "document": "文件",
        "version": "配置版本",
        "ledger": "历史记录的最后一条",
        "place": "序号",
        "waiting": "尚未封存",
        "none": "无",
        "printed": "打印",
        "laid_out": "版式来自插件包",
        "signatures": "电子签名",
        "superseded": "已失效：记录在签名后有改动",
        "void": "无效：内容与所签内容不符",
        "revision": "版次",
        "for": "代",
        "delegation": "授权",
    },
}


@dataclass(frozen=True, slots=True)
class Printed:
    """A document: its body, by which definition it was made, and where the history stood."""

    document: str
    title: str
    subject_id: str
    language: str
    body: str
    fingerprint: str
    version: int
    ledger: Mapping[str, Any]
    printed_at: str
    printed_by: str
    pack: str
    signer: Signer = field(repr=False, compare=False)
    signatures: Sequence[Mapping[str, Any]] = ()

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API; `html` is the whole page."""
        return {
            "document": self.document,
            "title": self.title,
            "subject_id": self.subject_id,
            "language": self.language,
            "fingerprint": self.fingerprint,
            "configuration": self.version,
            "ledger": dict(self.ledger),
            "printed_at": self.printed_at,
            "printed_by": self.printed_by,
            "html": self.page(),
        }

    def page(self, *, style: str = "") -> str:
        """Give the whole page, sealed; `style` is the address of a style sheet, or it is inside."""
        words = _FOOT["zh-CN" if self.language.startswith("zh") else "en"]
        link = (
            f'<link rel="stylesheet" href="{escape(style)}">'
            if style
            else f"<style>{STYLE.read_text(encoding='utf-8')}</style>"
        )
        seq = self.ledger["seq"]
        place = words["waiting"] if seq is None else f"{words['place']} {seq}"
        signed = self._signed(words)
        last = f"{self.ledger['event_id']} ({place})" if self.ledger["event_id"] else words["none"]
        foot = (
            f"{words['document']} {self.document} · {self.fingerprint} · {words['version']} "
            f"{self.version} · {words['laid_out']} {self.pack}<br>{words['ledger']}: {last}<br>"
            f"{words['printed']} {self.printed_at[:16]} UTC, {self.printed_by}"
        )
        safe = "<br>".join(escape(part) for part in foot.split("<br>"))
        page = (
            f'<!doctype html>\n<html lang="{escape(self.language)}">\n<head><meta charset="utf-8">'
            f"<title>{escape(self.title)}</title>{link}</head>\n<body>\n{self.body}\n"
            f'{signed}<footer class="document-foot">{safe}</footer>\n</body>\n</html>\n'
        )
        about = (self.document, self.subject_id, str(self.ledger["event_id"]))
        return seal_page(page, self.signer, about)

    def _signed(self, words: Mapping[str, str]) -> str:
        """Write the signatures as the product knows them, whatever the template shows (11.50)."""
        lines = []
        for each in self.signatures:
            acting = _acting(words, each) if each["for"] else ""
            said = [
                f"{each['meaning']}: {each['name']}{acting}",
                f"{each['signed_at_local']} {each['zone']}",
                f"{words['revision']} {each['revision']}",
                each["content_sha256"][:16],
                words.get(each["status"], ""),
            ]
            lines.append(f"<li>{escape(' · '.join(part for part in said if part))}</li>")
        if not lines:
            return ""
        title = escape(words["signatures"])
        head = f'<section class="document-signatures"><h2>{title}</h2>'
        return f"{head}<ul>{''.join(lines)}</ul></section>\n"


def _acting(words: Mapping[str, str], signed: Mapping[str, Any]) -> str:
    """Say for whom somebody signed as themselves, and by which delegation."""
    by = ", ".join(signed["delegations"])
    return f" ({words['for']} {signed['for']}, {words['delegation']} {by})"


def list_documents(site: Site, context: Context, subject: str = "") -> list[dict[str, str]]:
    """List the documents that can be printed, of one subject or all."""
    require(site, context, "lot.read")
    found = documents_of(site, context.language)
    return [each for each in found if subject in ("", each["subject"])]


def documents_of(site: Site, language: str) -> list[dict[str, str]]:
    """List the documents that the packs bring, with their titles in a language."""
    return [
        {
            "document": each.id,
            "subject": each.subject,
            "title": site.registry.text(f"documents.{each.id}", language),
            "pack": site.registry.owner_of("documents", each.id),
        }
        for each in site.registry.list("documents")
    ]


def print_document(site: Site, context: Context, document: str, name: str) -> Printed:
    """Fill a document with a lot, record, recall, shipment or delegation, by any name it has.

    In the language of the context. Raises NotFound for the document or its subject, Denied, and
    InputRejected (QT438) when the template asks for what is not there.
    """
    definition: DocumentDefinition = site.registry.get("documents", document)
    uid, values = _READ[definition.subject](site, context, name)
    text = site.registry.files[site.registry.owner_of("documents", document)][definition.template]
    print_ = sha256(
        f"{site.registry.fingerprint_of('documents', document)}\n{text}".encode()
    ).hexdigest()
    with site.store.read() as session:
        ledger = _position(session, site.store.tenant_id, uid)
    title = site.registry.text(f"documents.{document}", context.language)
    at = context.at.isoformat()
    by = context.actor.name or context.actor.login
    told = {
        **values,
        "language": context.language,
        "document": {"id": document, "title": title, "fingerprint": print_},
        "ledger": ledger,
        "printed": {"at": at, "by": by},
    }
    try:
        body = fill_template(text, told)
    except InputRejected as error:
        raise InputRejected(f"{document}: {error.message}", code=error.code) from error
    pack = site.registry.owner_of("documents", document)
    signed = [*values.get("release", {}).get("signatures", ()), *_of_other(values)]
    return Printed(
        document,
        title,
        uid,
        context.language,
        body,
        print_,
        site.version,
        ledger,
        at,
        by,
        pack,
        site.signer,
        signed,
    )


def _of_other(values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    told = values.get("record") or values.get("delegation") or {}
    found: Sequence[Mapping[str, Any]] = told.get("signatures", ())
    return found


def _position(session: Session, tenant_id: int, uid: str) -> dict[str, Any]:
    """Say where the history of a thing stands: its last entry and its place in the sealed order."""
    rows = list_ledger(session, tenant_id, about=uid, limit=1)
    if not rows:
        return {"event_id": "", "seq": None, "at": ""}
    return {"event_id": rows[0].uid, "seq": rows[0].seq, "at": rows[0].at.isoformat()}

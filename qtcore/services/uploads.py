"""What a file from outside is: judged by its bytes, never by its name or what the sender says.

It must not know who owns a file. Images are drawn anew, so that what is kept is a picture and
nothing else; what a browser or reader would run is refused.
"""

import io
import re
import threading
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from PIL import Image, ImageOps

from qtcore.definitions.signs import find_hidden
from qtcore.errors import Fault, InputRejected, TooManyTries
from qtcore.services.file_names import safe_name
from qtcore.services.pdf_objects import Unreadable, text_of_objects

MAX_FILE: Final = 10 * 1024 * 1024
MAX_PIXELS: Final = 50_000_000
MAX_SIDE: Final = 20_000
_MAX_UNPACKED: Final = 100 * 1024 * 1024
_MAX_RATIO: Final = 200
_MAX_PARTS: Final = 2000
_SMALL: Final = 1024 * 1024
# What makes a PDF act by itself; a name may be written with #xx escapes.
_PDF_ACTS: Final = re.compile(
    rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|OpenAction|AA|RichMedia|XFA|SubmitForm|ImportData)"
    rb"(?![A-Za-z0-9])"
)
_PLAIN_MODES: Final = frozenset({"1", "L", "I;16", "RGB", "RGBA"})
_OFFICE_ACTS: Final = re.compile(
    r"vbaProject|activeX|/embeddings/|oleObject|externalLink", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A file as it is kept: `sent_sha256` is the hash of the bytes that were sent."""

    name: str
    media_type: str
    content: bytes
    sha256: str
    sent_sha256: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that is accepted: its endings, its first bytes, and how it is made safe."""

    media_type: str
    endings: tuple[str, ...]
    magic: bytes
    clean: Callable[[bytes, "Kind"], bytes]
    form: str = ""


class Easel:
    """Where files are looked at and pictures drawn, one at a time: a picture of a few kB may fill
    200 MB while it is drawn, and many of them at once the whole memory.

    Whoever waits holds a thread of the server: after `patience` seconds they are sent away.
    """

    def __init__(self, *, patience: float = 20.0) -> None:
        self._free = threading.Lock()
        self._patience = patience

    def clean(self, upload: Upload) -> Cleaned:
        """Clean a file in turn; raises as `clean_upload`, and TooManyTries when it takes long."""
        if not self._free.acquire(timeout=self._patience):
            text = "many files are being looked at at this moment; try again in a few seconds"
            raise TooManyTries(text, 10)
        try:
            return clean_upload(upload)
        finally:
            self._free.release()


def clean_upload(upload: Upload) -> Cleaned:
    """Check a file and make it safe to keep; raises InputRejected saying why it is refused."""
    name, content = safe_name(upload.name), upload.content
    if not content:
        raise _refused(name, "it is empty")
    if len(content) > MAX_FILE:
        raise _refused(name, f"it has {len(content)} bytes; at most {MAX_FILE} are accepted")
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    kind = next((each for each in KINDS if ending in each.endings), None)
    if kind is None:
        raise _refused(name, f"files ending in {ending!r} are not accepted; accepted: {_listed()}")
    if not content.startswith(kind.magic):
        found = next((k for k in KINDS if k.magic and content.startswith(k.magic)), None)
        what = f"its bytes are {found.media_type}" if found else "its bytes are something else"
        raise _refused(name, f"its name says {kind.media_type}, but {what}; give the real ending")
    try:
        kept = kind.clean(content, kind)
    except _Unfit as unfit:
        raise _refused(name, str(unfit)) from None
    return Cleaned(
        name, kind.media_type, kept, sha256(kept).hexdigest(), sha256(content).hexdigest()
    )


class _Unfit(ValueError):
    """Why a file of an accepted kind is not accepted."""


def _refused(name: str, why: str) -> InputRejected:
    text = f"the file {name!r} is not accepted: {why}"
    return InputRejected(text, [Fault("QT499", text, "/content")], code="QT499")


def _listed() -> str:
    return ", ".join(ending for each in KINDS for ending in each.endings)


def _image(content: bytes, kind: Kind) -> bytes:
    """Draw an image anew: no metadata, no second frame, nothing behind its end."""
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content), formats=[kind.form]) as image:
            width, height = image.size
            if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
                raise _Unfit(
                    f"the picture is {width} x {height}; at most {MAX_PIXELS} pixels and "
                    f"{MAX_SIDE} on a side are accepted"
                )
            image.load()
            # In place: each copy of the largest picture that is accepted holds 200 MB.
            ImageOps.exif_transpose(image, in_place=True)
            drawn = _plain(image, kind)
            drawn.info = {}
            drawn.save(out, kind.form, **_SAVING[kind.form])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _Unfit(f"the picture has more than {MAX_PIXELS} pixels") from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        if isinstance(error, _Unfit):
            raise
        raise _Unfit("the picture is broken or cut off; save it again") from error
    return out.getvalue()


_SAVING: Final[Mapping[str, dict[str, object]]] = {
    "PNG": {"optimize": False},
    "JPEG": {"quality": 92},
    "WEBP": {"quality": 90},
}


def _plain(image: Image.Image, kind: Kind) -> Image.Image:
    if kind.form == "JPEG":
        return image if image.mode in {"L", "RGB"} else image.convert("RGB")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    return image if image.mode in _PLAIN_MODES else image.convert("RGB")


def _pdf(content: bytes, _: Kind) -> bytes:
    if b"%%EOF" not in content[-1024:]:
        raise _Unfit("the PDF is cut off, or something stands behind its end; print it anew")
    if b"PK\x05\x06" in content[-65_558:]:
        raise _Unfit("it is a PDF and an archive at once; print it anew")
    try:
        plain = text_of_objects(content)
    except Unreadable:
        raise _Unfit(
            "its objects are packed so that nobody can look at them; print it anew"
        ) from None
    acts = _PDF_ACTS.search(plain)
    if acts:
        what = acts.group().decode()
        raise _Unfit(f"the PDF acts by itself or holds files ({what}); print it to a plain PDF")
    if b"/Encrypt" in plain:
        raise _Unfit("the PDF is encrypted, so nobody can read it later; save it without password")
    return content


def _text(content: bytes, _: Kind) -> bytes:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unfit(f"the text is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    hidden = find_hidden(text)
    if hidden:
        raise _Unfit(f"the text holds {hidden}")
    if text.lstrip().startswith("<"):
        raise _Unfit(
            "it is markup (HTML, SVG, XML), which a browser may run; save it as plain text"
        )
    return content


def _office(content: bytes, kind: Kind) -> bytes:
    """Look into a workbook or document by its list of parts; nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts, comment = package.infolist(), package.comment
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise _Unfit("the file is broken or cut off; save it again") from error
    names = {part.filename for part in parts}
    if "[Content_Types].xml" not in names or kind.form not in names:
        raise _Unfit(f"it is an archive, not {kind.media_type}; unpack it and give the files")
    if comment or content[-22:-18] != b"PK\x05\x06":
        raise _Unfit("something stands behind its end; save it again")
    acts = next((name for name in sorted(names) if _OFFICE_ACTS.search(name)), None)
    if acts:
        raise _Unfit(f"it holds macros, links or files ({acts}); save it without")
    unpacked = sum(part.file_size for part in parts)
    is_hard = any(
        part.file_size > _SMALL and part.file_size > _MAX_RATIO * max(part.compress_size, 1)
        for part in parts
    )
    if len(parts) > _MAX_PARTS or unpacked > _MAX_UNPACKED or is_hard:
        raise _Unfit(
            f"it unpacks to {unpacked // 1024} kB in {len(parts)} parts; at most "
            f"{_MAX_UNPACKED // 1024} kB in {_MAX_PARTS} parts are accepted, and none of more than "
            f"{_MAX_RATIO} times its packed size"
        )
    return content


_ZIP: Final = b"PK\x03\x04"
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
KINDS: Final = (
    Kind("image/png", ("png",), b"\x89PNG\r\n\x1a\n", _image, "PNG"),
    Kind("image/jpeg", ("jpg", "jpeg"), b"\xff\xd8\xff", _image, "JPEG"),
    Kind("image/webp", ("webp",), b"RIFF", _image, "WEBP"),
    Kind("application/pdf", ("pdf",), b"%PDF-", _pdf),
    Kind(f"{_OFFICE}.spreadsheetml.sheet", ("xlsx",), _ZIP, _office, "xl/workbook.xml"),
    Kind(f"{_OFFICE}.wordprocessingml.document", ("docx",), _ZIP, _office, "word/document.xml"),
    Kind("text/plain", ("txt", "csv"), b"", _text),
)
"""Everything that is accepted; whatever is not in this list is refused."""

"""A file is judged by its bytes; what a browser or reader would run is refused.

Each attack stands beside what the sender's word or the bare library would have let through.
"""

import io
import struct
import threading
import zipfile
import zlib

import pytest
from PIL import Image

from qtcore.errors import InputRejected, TooManyTries
from qtcore.http.downloads import disposition
from qtcore.services import uploads
from qtcore.services.file_names import MOST_NAME, safe_name
from qtcore.services.uploads import MAX_FILE, Easel, Upload, clean_upload

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


def picture(form: str = "PNG", size: tuple[int, int] = (4, 3), **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 10, 10)).save(out, form, **more)
    return out.getvalue()


def office(*more: tuple[str, bytes], kind: str = "xl/workbook.xml") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in (("[Content_Types].xml", b"<x/>"), (kind, b"<x/>"), *more):
            package.writestr(name, content)
    return out.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes whose head says 60,000 x 60,000."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def packed(objects: bytes, how: bytes = b"/FlateDecode", *, hides: bytes = b"") -> bytes:
    """A PDF that keeps objects in a stream of objects, as word processors write them."""
    kept = zlib.compress(objects)
    head = b"9 0 obj\n<</Type/ObjStm/N 1/First 4/Filter%s/Length %d%s>>\nstream\n"
    return PDF.replace(b"%%EOF", head % (how, len(kept), hides) + kept + b"\nendstream\n%%EOF")


GOOD = [
    ("photo.png", picture(), "image/png"),
    ("photo.JPG", picture("JPEG"), "image/jpeg"),
    ("photo.webp", picture("WEBP"), "image/webp"),
    ("report.pdf", PDF, "application/pdf"),
    ("packed.pdf", packed(b"1 0 <</Type/Catalog>>"), "application/pdf"),
    ("results.csv", "批号,值\nL-1,5\n".encode(), "text/plain"),
    ("results.xlsx", office(), uploads.KINDS[4].media_type),
    ("letter.docx", office(kind="word/document.xml"), uploads.KINDS[5].media_type),
]


@pytest.mark.parametrize(("name", "content", "kind"), GOOD, ids=[g[0] for g in GOOD])
def test_a_file_of_an_accepted_kind_is_kept(name: str, content: bytes, kind: str):
    kept = clean_upload(Upload(name, content))
    assert (kept.name, kept.media_type) == (name, kind)
    assert kept.sent_sha256 != kept.sha256 or kept.content == content


BAD = {
    "empty": ("a.txt", b"", "it is empty"),
    "SVG": ("a.svg", SVG, "ending in 'svg' are not accepted"),
    "HTML": ("a.html", b"<script>", "ending in 'html' are not accepted"),
    "HTML behind a PDF": ("a.pdf.html", PDF, "ending in 'html' are not accepted"),
    "no ending": ("a", PDF, "ending in '' are not accepted"),
    "program": ("a.pdf", b"MZ\x90\x00", "its bytes are something else"),
    "program as picture": ("a.png", b"\x7fELF", "its bytes are something else"),
    "PDF named PNG": ("a.png", PDF, "its bytes are application/pdf"),
    "SVG as text": ("a.txt", SVG, "it is markup"),
    "HTML as table": ("a.csv", b" \n<html><script>", "it is markup"),
    "GIF first": ("a.png", b"GIF89a/*", "its bytes are something else"),
    "text in UTF-16": ("a.txt", "x".encode("utf-16"), "not UTF-8"),
    "hidden sign": ("a.txt", "a\u202eb".encode(), "U+202E"),
    "bytes in a text": ("a.txt", b"a\x00b", "NUL"),
    "PDF with script": ("a.pdf", PDF.replace(b"/Catalog", b"/Catalog/OpenAction 2"), "/OpenAction"),
    "PDF with hidden name": ("a.pdf", PDF.replace(b"/Catalog", b"/Catalog/J#53"), "/JS"),
    "PDF with packed script": ("a.pdf", packed(b"<</S/JavaScript/JS(x)>>"), "/JavaScript"),
    "PDF with packed hidden name": ("a.pdf", packed(b"<</S/J#61vaScript>>"), "/JavaScript"),
    "PDF packed otherwise": ("a.pdf", packed(b"<<>>", b"/LZWDecode"), "are packed"),
    "PDF packed unseen": ("a.pdf", packed(b"<</S/JS>>", hides=b"(obj)"), "are packed"),
    "PDF packed too tight": ("a.pdf", packed(bytes(21 * 1024 * 1024)), "are packed"),
    "PDF with a file": ("a.pdf", PDF.replace(b"/Catalog", b"/EmbeddedFile"), "/EmbeddedFile"),
    "PDF and archive": ("a.pdf", PDF + office() + b"%%EOF", "an archive at once"),
    "PDF with a tail": ("a.pdf", PDF + b"x" * 2000, "cut off"),
    "encrypted PDF": ("a.pdf", PDF.replace(b"/Root", b"/Encrypt 3 0 R/Root"), "encrypted"),
    "archive": ("a.xlsx", office(kind="x/y.xml"), "it is an archive"),
    "macro": ("a.xlsx", office(("xl/vbaProject.bin", b"x")), "macros"),
    "object in a document": ("a.docx", office(("word/embeddings/o.bin", b"x"),
                             kind="word/document.xml"), "macros, links or files"),
    "zip bomb": ("a.xlsx", office(("xl/a.xml", bytes(9_000_000))), "at most 102400 kB"),
    "archive with a tail": ("a.xlsx", office() + b"<script>", "behind its end"),
    "cut picture": ("a.png", picture(size=(64, 64))[:60], "broken or cut off"),
    "picture bomb": ("a.png", bomb(), "pixels"),
    "too large": ("a.txt", b"x" * (MAX_FILE + 1), "at most"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "why"), BAD.values(), ids=BAD.keys())
def test_what_could_act_or_is_not_what_it_says_is_refused(name: str, content: bytes, why: str):
    with pytest.raises(InputRejected) as refused:
        clean_upload(Upload(name, content))
    assert why in refused.value.message
    assert refused.value.code == "QT499"


@pytest.mark.parametrize(
    ("name", "check"),
    [("a.txt", "_text"), ("a.pdf", "_pdf"), ("a.xlsx", "_office")],
)
def test_without_the_look_at_its_bytes_the_same_file_is_kept(
    name: str, check: str, monkeypatch: pytest.MonkeyPatch
):
    content = {
        "a.txt": SVG,
        "a.pdf": PDF.replace(b"/Catalog", b"/Catalog/OpenAction 2"),
        "a.xlsx": office(("xl/vbaProject.bin", b"x")),
    }[name]
    trusting = tuple(
        uploads.Kind(k.media_type, k.endings, k.magic, lambda sent, _: sent, k.form)
        for k in uploads.KINDS
    )
    monkeypatch.setattr(uploads, "KINDS", trusting)
    assert clean_upload(Upload(name, content)).content == content


def test_a_picture_is_drawn_anew_without_place_device_and_tail():
    exif = Image.Exif()
    exif[0x0110] = "Phone of Petra"
    sent = picture("JPEG", exif=exif) + b"<script>alert(1)</script>"
    kept = clean_upload(Upload("a.jpg", sent)).content
    assert b"Phone of Petra" in sent and b"<script>" in sent
    assert b"Phone of Petra" not in kept and b"<script>" not in kept
    assert Image.open(io.BytesIO(kept)).size == (4, 3)


def test_one_picture_is_drawn_at_a_time_and_who_waits_too_long_is_sent_away(
    monkeypatch: pytest.MonkeyPatch,
):
    easel, sent = Easel(patience=0.05), Upload("a.png", picture())
    inside, told = threading.Event(), threading.Event()
    clean = uploads.clean_upload

    def slow(upload: Upload) -> uploads.Cleaned:
        inside.set()
        assert told.wait(10)
        return clean(upload)

    monkeypatch.setattr(uploads, "clean_upload", slow)
    first = threading.Thread(target=easel.clean, args=(sent,))
    first.start()
    assert inside.wait(10)
    with pytest.raises(TooManyTries, match="try again"):
        easel.clean(sent)
    told.set()
    first.join()
    assert easel.clean(sent).media_type == "image/png"


def test_the_largest_picture_is_drawn_without_a_copy_of_it(monkeypatch: pytest.MonkeyPatch):
    copied: list[str] = []

    def copy(image: Image.Image) -> Image.Image:
        copied.append(image.mode)
        return image

    monkeypatch.setattr(Image.Image, "copy", copy)
    for form in ("PNG", "JPEG"):
        clean_upload(Upload(f"a.{form.lower()}", picture(form)))
    assert copied == []


def test_a_turned_picture_stands_upright_afterwards():
    exif = Image.Exif()
    exif[0x0112] = 6
    kept = clean_upload(Upload("a.jpg", picture("JPEG", exif=exif))).content
    assert Image.open(io.BytesIO(kept)).size == (3, 4)


def test_the_bare_library_would_begin_to_draw_the_bomb(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert Image.open(io.BytesIO(bomb())).size == (60_000, 60_000)
    with pytest.raises(InputRejected, match="60000 x 60000"):
        clean_upload(Upload("a.png", bomb()))


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd%00.pdf", "passwd_00.pdf"),
        ("..\\..\\windows\\a.pdf", "a.pdf"),
        ("CON.pdf", "_CON.pdf"),
        ("lpt1", "_lpt1"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie_ x.pdf"),
        ('a"; filename="evil.exe', "a__ filename=_evil.exe"),
        ("gpj\u202e.exe", "gpj.exe"),
        ("x\x00.pdf", "x.pdf"),
        ("...", "file"),
        ("", "file"),
        (".htaccess", "htaccess"),
        ("批次 照片.png", "批次 照片.png"),
    ],
)
def test_a_name_breaks_neither_folder_nor_header(name: str, safe: str):
    assert safe_name(name) == safe
    assert safe_name(safe) == safe


def test_a_long_name_keeps_its_ending():
    assert safe_name("x" * 300 + ".pdf") == "x" * (MOST_NAME - 4) + ".pdf"


@pytest.mark.parametrize("name", ['a"\r\nX: y', "批次.pdf", "a;b\\c.pdf", "%0d%0a", "a\u2028b"])
def test_a_name_is_one_line_of_a_header(name: str):
    told = disposition(name)
    assert told.startswith('attachment; filename="') and told.isascii() and told.isprintable()
    assert told.count('"') == 2

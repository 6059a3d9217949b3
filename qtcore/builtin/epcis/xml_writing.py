"""Writes an EPCIS document or query result as EPCIS XML, from the value its JSON form has.

It must not know where events come from. Reading what it wrote gives events of equal content.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from qtcore.builtin.epcis import xml_names as names
from qtcore.builtin.epcis.cbv import bare_word, urn_word, web_uri
from qtcore.builtin.epcis.xml_layouts import LAYOUTS, Layout
from qtcore.builtin.epcis.xml_prefixes import NO_PREFIXES, STANDARD_PREFIXES

_LEFT_OUT: Final = frozenset(("type", "isA", "@context"))
_SENSOR_WORDS: Final = frozenset(("type", "exception"))
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPACES: Final[Mapping[str, str]] = {**STANDARD_PREFIXES, "cbvmda": "urn:epcglobal:cbv:mda"}
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"


def write_xml(document: Mapping[str, Any], *, web_words: bool = False, version: str = "2.0") -> str:
    """Write a document; words of the core vocabulary as URNs, or with `web_words` as web URIs.

    A bare event is written as a document of its own. `version` is 2.0 or 1.2; whoever asks for 1.2
    sees first, by `untold`, that the document can be told so.
    """
    return _Writer(document, LAYOUTS[version], web_words=web_words).document(document)


class _Writer:
    def __init__(self, document: Mapping[str, Any], layout: Layout, *, web_words: bool) -> None:
        self._layout = layout
        self._web_words = web_words
        self._spaces = {**_SPACES, **_declared(document.get("@context"))}
        own = _declared(document.get("@context"))
        # Values may use a prefix that no name uses.
        self._used = {"gs1": self._spaces["gs1"], **{p: s for p, s in own.items() if _is_free(p)}}
        self._local: dict[str, str] = {}

    def document(self, document: Mapping[str, Any]) -> str:
        """Write the whole text."""
        body = document.get("epcisBody")
        results = body.get("queryResults") if isinstance(body, Mapping) else None
        if isinstance(results, Mapping):
            inside = self._events(results["resultsBody"]["eventList"])
            name = escape(str(results.get("queryName", "")))
            inside = (
                f"<epcis:QueryResults><queryName>{name}</queryName>"
                f"<resultsBody>{inside}</resultsBody></epcis:QueryResults>"
            )
            root = "EPCISQueryDocument"
        else:
            events = body["eventList"] if isinstance(body, Mapping) else [document]
            inside = self._events(events)
            root = "EPCISDocument"
        space, version = self._layout.spaces[root], self._layout.version
        header = self._header(document)
        created = document.get("creationDate") or document.get("recordTime", "")
        date = f" creationDate={quoteattr(created)}" if created else ""
        declared = "".join(
            f" xmlns:{prefix}={quoteattr(uri)}"
            for prefix, uri in {**self._used, "xsi": _XSI, "xsd": _SPACES["xsd"][:-1]}.items()
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<epcis:{root} xmlns:epcis="{space}"{declared} schemaVersion="{version}"{date}>'
            f"{header}<EPCISBody>{inside}</EPCISBody></epcis:{root}>\n"
        )

    def _events(self, events: list[Any]) -> str:
        return f"<EventList>{''.join(self._event(event) for event in events)}</EventList>"

    def _header(self, document: Mapping[str, Any]) -> str:
        """Write the master data of a document; none gives no header."""
        lists = document.get("epcisHeader", {}).get("epcisMasterData", {}).get("vocabularyList")
        if not lists:
            return ""
        inside = "".join(self._vocabulary(each) for each in lists)
        inside = f"<EPCISMasterData><VocabularyList>{inside}</VocabularyList></EPCISMasterData>"
        for wrapper in self._layout.header:
            inside = f"<{wrapper}>{inside}</{wrapper}>"
        return f"<EPCISHeader>{inside}</EPCISHeader>"

    def _vocabulary(self, told: Mapping[str, Any]) -> str:
        entries = ""
        for each in told["vocabularyElementList"]:
            inside = "".join(map(_attribute, each.get("attributes", ())))
            entries += f"<VocabularyElement id={quoteattr(each['id'])}>{inside}</VocabularyElement>"
        return (
            f"<Vocabulary type={quoteattr(told['type'])}><VocabularyElementList>{entries}"
            "</VocabularyElementList></Vocabulary>"
        )

    def _event(self, event: Mapping[str, Any]) -> str:
        self._local = _declared(event.get("@context"))
        kind = str(event.get("type", ""))
        parts = self._layout.parts(kind)
        inside = "".join(self._part(kind, wrapper, names, event) for wrapper, names in parts)
        known = {name for _, names in parts for name in names}
        others = [name for name in event if name not in known and name not in _LEFT_OUT]
        inside += "".join(self._extension(name, event[name]) for name in others)
        tag = self._tag(kind)
        declared = "".join(f" xmlns:{p}={quoteattr(uri)}" for p, uri in self._local.items())
        self._local = {}
        written = f"<{tag}{declared}>{inside}</{tag}>"
        return f"<extension>{written}</extension>" if kind in self._layout.wrapped else written

    def _part(
        self, kind: str, wrapper: str, names: tuple[str, ...], event: Mapping[str, Any]
    ) -> str:
        """Write the properties of one part in its wrapping element, when there is one."""
        inside = ""
        for name in names:
            if name in event:
                inside += self._property(name, event[name])
            elif self._layout.needed.get(kind) == name:
                inside += f"<{name}/>"
        return f"<{wrapper}>{inside}</{wrapper}>" if wrapper and inside else inside

    def _property(self, name: str, value: Any) -> str:
        how = names.EVENT.get(name, "")
        if name in names.ENTRIES:
            entry = names.ENTRIES[name]
            writers = {"texts": self._text, "quantities": self._object, "typed": self._typed,
                       "sensors": self._sensor}  # fmt: skip
            inside = "".join(writers[how](entry, each) for each in value)
            return f"<{name}>{inside}</{name}>"
        if name in names.REPEATED:
            entries = value if isinstance(value, list) else [value]
            return "".join(self._text(name, each) for each in entries)
        if how in ("object", "error"):
            return self._object(name, value)
        return self._text(name, value)

    def _text(self, name: str, value: Any) -> str:
        return f"<{name}>{_escaped(self._word(name, _said(value)))}</{name}>"

    def _word(self, name: str, text: str) -> str:
        bare = bare_word(name, text)
        return web_uri(name, bare) if self._web_words else urn_word(name, bare)

    def _object(self, name: str, value: Mapping[str, Any]) -> str:
        """Write an object whose own names stand bare and whose others are extensions."""
        inside = ""
        for key, each in value.items():
            if ":" in key:
                inside += self._extension(key, each)
            elif key == "correctiveEventIDs":
                ids = "".join(self._text("correctiveEventID", one) for one in each)
                inside += f"<{key}>{ids}</{key}>"
            else:
                inside += self._property(key, each)
        return f"<{name}>{inside}</{name}>"

    def _typed(self, name: str, value: Mapping[str, Any]) -> str:
        kind = value.get("type")
        told = "" if kind is None else f" type={quoteattr(self._word(f'{name}Type', kind))}"
        return f"<{name}{told}>{_escaped(_said(value[name]))}</{name}>"

    def _sensor(self, name: str, value: Mapping[str, Any]) -> str:
        inside = ""
        if "sensorMetadata" in value:
            inside += self._by_attributes("sensorMetadata", value["sensorMetadata"])
        for report in value.get("sensorReport", ()):
            inside += self._by_attributes("sensorReport", report)
        for key, each in value.items():
            if ":" in key:
                inside += self._extension(key, each)
        return f"<{name}>{inside}</{name}>"

    def _by_attributes(self, name: str, value: Mapping[str, Any]) -> str:
        attributes, inside = "", ""
        for key, each in value.items():
            if isinstance(each, dict | list):
                inside += self._extension(key, each)
                continue
            text = _said(each)
            if key in _SENSOR_WORDS and ":" not in text:
                text = f"gs1:{text}"
            elif key == "component":
                text = web_uri(key, text)
            tag = self._tag(key) if ":" in key else key
            attributes += f" {tag}={quoteattr(_legal(text))}"
        return f"<{name}{attributes}>{inside}</{name}>"

    def _extension(self, name: str, value: Any) -> str:
        if isinstance(value, list):
            return "".join(self._extension(name, each) for each in value)
        tag, told, inside = self._tag(name), "", ""
        if isinstance(value, Mapping):
            for key, each in value.items():
                if key == "#text":
                    inside += _escaped(_said(each))
                elif key.startswith("@") and not isinstance(each, dict | list):
                    told += f" {self._tag(key[1:])}={quoteattr(_legal(_said(each)))}"
                else:
                    inside += self._extension(key, each)
        else:
            told, inside = _type_of(value), _escaped(_said(value))
        return f"<{tag}{told}>{inside}</{tag}>"

    def _tag(self, name: str) -> str:
        """Give the qualified name of a key, and see that its prefix is declared."""
        prefix, colon, local = name.partition(":")
        if not colon:
            return _name(name)
        space = self._local.get(prefix) or self._spaces.get(prefix)
        if space is None:
            cut = max(name.rfind("/"), name.rfind("#"), name.rfind(":")) + 1
            space, local = name[:cut], name[cut:]
            prefix = next((p for p, uri in self._used.items() if uri == space), "")
            prefix = prefix or f"ns{len(self._used)}"
        if prefix in ("epcis", "xsi", "xsd") or not _NAME.fullmatch(prefix):
            prefix = f"p{''.join(f'{ord(sign):x}' for sign in prefix)}"
        if self._local.get(prefix) != space:
            self._used.setdefault(prefix, space)
        return f"{prefix}:{_name(local)}"


def _attribute(told: Mapping[str, Any]) -> str:
    value = _escaped(_said(told["attribute"]))
    return f"<attribute id={quoteattr(told['id'])}>{value}</attribute>"


def _declared(context: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in context if isinstance(context, list) else [context]:
        if isinstance(entry, Mapping):
            found |= dict(_prefixes(entry))
    return found


def _prefixes(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, uri in entry.items():
        if isinstance(uri, str) and uri and _NAME.fullmatch(name):
            yield name, uri


def _is_free(prefix: str) -> bool:
    return prefix not in (*STANDARD_PREFIXES, *NO_PREFIXES, "xsi") or prefix == "cbvmda"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")  # xsd:decimal knows no exponent
    return "" if value is None else str(value)


def _type_of(value: Any) -> str:
    """Tell the type of what is no text, so that reading gives it back."""
    if isinstance(value, bool):
        return ' xsi:type="xsd:boolean"'
    if isinstance(value, int):
        return ' xsi:type="xsd:integer"'
    return ' xsi:type="xsd:decimal"' if isinstance(value, Decimal) else ""


def _name(text: str) -> str:
    """Give a name that XML takes: other signs are written by their numbers."""
    if _NAME.fullmatch(text):
        return text
    signs = "".join(s if _NAME.fullmatch(f"_{s}") else f"_x{ord(s):04x}_" for s in text)
    return signs if signs and _NAME.fullmatch(signs) else f"_{signs}"


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)


def _escaped(text: str) -> str:
    return escape(_legal(text), {"\r": "&#13;"})

"""What makes an event one of EPCIS 1.2: its elements, their order, and the wrappers around them.

It must not read values. Senders in the field put elements where EPCIS 2.0 has them, without the
wrapper of 1.2; what they mean is certain, so that it is read and named as a doubt.
"""

from collections.abc import Iterator
from typing import NamedTuple

from qtcore.builtin.epcis import xml_names as names
from qtcore.builtin.epcis.xml_frame import is_own
from qtcore.builtin.epcis.xml_layouts import KNOWN, OLD
from qtcore.builtin.faults import shown
from qtcore.builtin.strict_xml import Element, describe


class Old(NamedTuple):
    """A finding about an element; a doubt is accepted."""

    code: str
    text: str
    element: Element

    @property
    def is_doubt(self) -> bool:
        return self.code == "QT709"


def old_findings(event: Element) -> Iterator[Old]:
    """Find what EPCIS 1.2 does not have, or has elsewhere, in one event."""
    parts = OLD.events.get(event.name)
    if parts is None:
        if event.name == "AssociationEvent":
            text = "an AssociationEvent is of EPCIS 2.0; send the document as 2.0"
            yield Old("QT715", text, event)
        return
    order = [name for _, inside in parts for name in inside]
    wrapper = {name: around for around, inside in parts for name in inside}
    last = 0
    for child, around in _opened(event, ""):
        if child.name not in wrapper:
            if child.name in KNOWN:
                text = f"{describe(child)} of an {event.name} is of EPCIS 2.0; send it as 2.0"
                yield Old("QT715", text, child)
            continue
        rank = order.index(child.name)
        if rank < last:
            text = f"{describe(child)} stands after {order[last]!r}; EPCIS 1.2 has it before"
            yield Old("QT704", text, child)
        last = max(rank, last)
        if around != wrapper[child.name]:
            inside = wrapper[child.name] or event.name
            yield Old("QT709", f"{describe(child)} stands outside of {shown(inside)}", child)


def _opened(element: Element, around: str) -> Iterator[tuple[Element, str]]:
    for child in element.children:
        if not is_own(child):
            continue
        if child.name in names.WRAPPERS:
            yield from _opened(child, child.name)
        else:
            yield child, around

"""Printed documents as pages: a sheet without the frame of the product, ready for the printer.

It must not know templates.
"""

from qtcore.http.call import Call
from qtcore.http.pages.visits import Seen, Sheet, page
from qtcore.services.printing import STYLE, print_document

_STYLE = "/print/style.css"


@page("GET", "/print/style.css")
def style(_: Call) -> Seen:
    """Give the style sheet of printed documents."""
    return Sheet(STYLE.read_bytes(), "text/css; charset=utf-8")


@page("GET", "/print/{document:str}/{subject:str}")
def show(call: Call) -> Seen:
    """Show a document about a lot, record, recall or shipment."""
    made = print_document(call.site, call.act(), call.params["document"], call.params["subject"])
    return Sheet(made.page(style=_STYLE).encode(), "text/html; charset=utf-8")


ROUTES = (style, show)

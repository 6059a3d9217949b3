"""What was wrong, in the language of the page: our words for a code, then what was found.

It must not know forms or services. The services speak English; where the page has words of its own
for a code they come first, and the exact finding follows.
"""

from qtcore.errors import Denied, QTCoreError
from qtcore.http.call import Call
from qtcore.http.units import say_units


def word_error(call: Call, error: QTCoreError) -> list[str]:
    """Word every fault or refusal of an error, or the error itself when it lists none.

    A missing right is nothing that whoever typed could mend: it goes on to its own page (403).
    """
    if isinstance(error, Denied):
        raise error
    faults = [word_code(call, f.code, f.message) for f in getattr(error, "faults", ())]
    refusals = [
        word_code(call, r.code, f"{r.message} ({r.fix})" if r.fix else r.message)
        for r in getattr(error, "refusals", ())
    ]
    return faults + refusals or [word_code(call, error.code, _with_candidates(error))]


def word_code(call: Call, code: str, message: str) -> str:
    """Put our words for a code before a message that is not in the reader's language."""
    said = say_units(call.site.registry, call.language, message)
    if call.language == "en" or not message.isascii():
        return said
    words = call.settings.texts.find(f"codes.{code}", call.language)
    if words is None and call.site.registry.find("rules", code) is not None:
        words = call.site.registry.text(f"rules.{code}.title", call.language)
    return f"{words}（{said}）" if words else said


def _with_candidates(error: QTCoreError) -> str:
    found = getattr(error, "candidates", ())
    listed = "; ".join(f"{c['item']} {c['lot_no']} ({c['source']}): {c['lot_id']}" for c in found)
    return f"{error.message}: {listed}" if listed else error.message

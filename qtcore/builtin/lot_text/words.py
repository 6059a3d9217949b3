"""Cuts a text about lots into tokens, and knows the words such texts are made of.

It must not know what follows from them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*"
_YEAR: Final = r"(?:19|20)?\d\d"
DATE: Final = re.compile(
    rf"""(?: \d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}} | \d{{1,2}}[-/.]\d{{1,2}}[-/.]{_YEAR}
         | \d{{4}}年\d{{1,2}}月(?:\d{{1,2}}日)?
         | {_MONTH}\.?\s*\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}} | {_MONTH}\.?[\s,-]*{_YEAR}
         | \d{{1,2}}[\s-]?{_MONTH}[\s,-]*{_YEAR} | \d{{4}}[-/]\d{{1,2}} | \d{{1,2}}[/-]{_YEAR}
         )(?![0-9A-Za-z])""",
    re.IGNORECASE | re.VERBOSE,
)
"""A date as notices write it after words such as "exp."; which of two readings is not decided."""

FULL_DATE: Final = re.compile(
    rf"\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[/.]\d{{1,2}}[/.]{_YEAR}"
)

_NUMBER: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._/\-]*[A-Za-z0-9])?"
_TOKENS: Final = re.compile(
    rf"""(?P<all>\b(?:all|any|every|entire)\b|所有|全部|任何)
       | (?P<key>\b(?:lots?|batch(?:es)?|codes?)\b(?!-)
           |(?:生产|产品)?批[号次]|批)
       | (?P<except>\b(?:except(?:ing)?|excluding|excludes?|but\s+not|other\s+than)\b|除外?|不包括)
       | (?P<prefix>\b(?:begin(?:s|ning)?|start(?:s|ing)?)\s+(?:with|in)\b|以(?=.{{1,40}}开头))
       | (?P<qualifier>\b(?:exp|expir(?:y|ation|es|ing)|bb|bbd|bbe|best|sell|use|freeze|upc|ndc|gtin
           |ean|sku|item|items|catalog(?:ue)?|model|ref|part|serial|net|wt|size
           |manufactured|mfg|mfd|made|produced|production|packed|packaged|dates?|dated|distributed|shipped
           |sold|bought|purchased|received|within|before|after|since|with|ending|end(?:s|ing)?)\b\.?
           |有效期|保质期|生产日期|到期|失效|规格|条码)
       | (?P<range>\b(?:through|thru|to|until|till)\b|\.\.\.?|…|[-–—―~]|至|到)
       | (?P<between>\b(?:between|from)\b|介于|从|自)
       | (?P<separator>[,;、\n)\]]|&|\b(?:and|or|plus|as\s+well\s+as)\b|以及|及|和|或|与)
       | (?P<filler>\b(?:the|of|following|number(?:s|ed)?|nos?|nrs?|n[°º]|are|is|was|were|be|being
           |inclusive|including|include[sd]?|not|limited|only|affected|recalled|these|this|those
           |product(?:s|ion)?|identified|by|listed|below|above|for|on|in|please|see|each|both)\b\.?
           |开头|的|为|如下|以下|受影响|产品|包括|仅限|号)
       | (?P<number>{_NUMBER})
       | (?P<word>[^\W\d_]+)
       | (?P<mark>[^\w\s])""",
    re.IGNORECASE | re.VERBOSE,
)

# A number before one of these is an amount, not a lot.
AMOUNTS: Final = frozenset(
    """case cases unit units box boxes bag bags bottle bottles can cans carton cartons pallet
    pallets packs pack package packages jar jars tub tubs vial vials tablet tablets capsule capsules
    piece pieces pc pcs lb lbs pound pounds oz ounce ounces kg g mg mcg ml l liter liters litre
    litres gal gallon gallons ct count day days month months year years
    箱 盒 瓶 件 袋 桶 片 粒 支 千克 公斤 克 毫升
    升""".split()
)

_BEFORE_DATE: Final = re.compile(
    r"""[\s:.]*(?:(?:up\s+to|prior\s+to|by|before|after|end|dates?|if|used|on|or|of|from|to|through|thru|and|including
        |between|[-–—~]
        |至|到)[\s:.]*)*""",
    re.IGNORECASE | re.VERBOSE,
)

# Full-width signs become the plain ones, one for one, so that places stay.
_PLAIN: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: its kind, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


def plain(text: str) -> str:
    """Write full-width signs as plain ones; every place in the text stays the same."""
    return text.translate(_PLAIN)


def cut(text: str) -> Iterator[Token]:
    """Cut a plain text into its tokens; blanks are dropped."""
    at = 0
    while found := _TOKENS.search(text, at):
        token = _token(found)
        yield token
        at = token.end
        if token.kind == "qualifier":  # a date belongs to the word before it, commas included
            while date := _date_after(text, at):
                yield Token("date", date[0].strip(), date.start(), date.end())
                at = date.end()


def _date_after(text: str, at: int) -> "re.Match[str] | None":
    start = _BEFORE_DATE.match(text, at)
    return DATE.match(text, start.end() if start else at)


def _token(found: "re.Match[str]") -> Token:
    kind = str(found.lastgroup)
    text = found[0]
    if kind == "number" and not any(sign.isdigit() for sign in text):
        kind = "word"
    return Token(kind, text, found.start(), found.end())


PRODUCT_WORDS: Final = frozenset("upc ndc gtin ean 条码".split())
"""What follows these names a product; it is no condition on lots."""

MEASURE: Final = re.compile(
    r"\d+(?:[.,]\d+)?(?:\s*(?:-|–|to|and)\s*\d+(?:[.,]\d+)?)?\s*(?:[°º℃℉%]|degrees?\b|[CF]\b)"
)
"""Temperatures and percentages; only where the text does not speak of lots just now."""

# Words that change what the numbers beside them mean in a way that is not read here: the group.
# "and above" follows a number; "above or below the label" and "above 25 C" are something else.
OPEN_WORDS: Final = re.compile(
    r"\d[\w./-]*[,)]?\s+((?:and|or)\s+(?:all\s+)?(?:above|below|higher|lower|greater|less|later|earlier"
    r"|newer|older|after|before|up)\b)(?!\s+\d)"
    r"|(\b(?:onwards?|upwards?|downwards?)\b)"
    r"|(\bnot\s+(?:all|every)\b)"
    r"|(\b(?:odd|even)[\s-]+(?:number(?:s|ed)?|lots|batches|codes)\b|\b(?:odd|even)\s*(?:only\b|[)]))"
    r"|(\bevery\s+(?:other|second|third|fourth|\d+\w*)\b|\balternate\b)"
    r"|(?<=\d)\s+((?:bis|hasta|a|au|à|al|tot|до)\s+(?=[A-Za-z]{0,4}\d))"
    r"|(以(?:上|下|前|后|後|内|外)|(?<=[0-9A-Za-z批号])\s*起(?!止)|奇数|偶数|[单双]号"
    r"|并非(?:全部|所有)|不是(?:全部|所有))",
    re.IGNORECASE,
)

"""The GS1 application identifiers: parts, lengths, what each needs and may not stand with.

It must not know texts that hold them. The facts are those of the GS1 General Specifications; a new
identifier is one row.

A row: identifiers | parts | needs | never with | title. Part: N digits, X signs of the set of 82,
Y of the set of 39, Z base64 for file names; a length or `..` and the longest; `?` may be left out;
after `:` the rules of `contents.RULES`. Needs: `,` or, `+` and, blank: each of them; `n` is any
digit.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_TRADE = "01,02"
_BATCHED = "01,02,03,8006,8026"
_VARIED = "01,02,8006,8026"
_COUNTED = "30,31nn,32nn,35nn,36nn"
_GTIN = "N14:check:prefix2"
_GLN = "N13:check:prefix"
_GSRN = "N18:check:prefix"
_COUNTRIES = "N3:country" + " N3?:country" * 4

_ROWS: Final = f"""
00 | N18:check:prefix2 | | | SSCC
01 | {_GTIN} | | 255,37 | GTIN
02 | {_GTIN} | 37 | 01,03 | GTIN of contents
03 | {_GTIN} | | 01,02,37 | GTIN of made-to-order item
10 | X..20 | {_BATCHED} | | batch or lot number
11 13 15 16 | N6:date0 | {_BATCHED} | | date (made, packed, best before, sell by)
12 | N6:date0 | 8020 | | due date
17 | N6:date0 | 01,02,03,255,8006,8026 | | expiry date
20 | N2 | {_VARIED} | | variant
21 | X..20 | 01,03,8006 | 235 | serial number
22 | X..20 | 01 | | consumer product variant
235 | X..28 | 01 | | third-party serial
240 241 | X..30 | {_VARIED} | | additional or customer part number
242 | N..6 | {_VARIED} | | made-to-order variation
243 | X..20 | 01 | | packaging component
250 | X..30 | 01,8006 21 | | secondary serial
251 | X..30 | 01,8006 | | reference to source
253 | N13:check:prefix X..17? | | | document (GDTI)
254 | X..20 | 414 | | GLN extension
255 | N13:check:prefix N..12? | | 01,02,415,8006,8020,8026 | coupon (GCN)
30 | N..8 | {_TRADE} | | variable count
37 | N..8 | 00 02,8026 | | count of contents
390n | N..15 | 255,8020 | 390n,391n,394n,8111 | amount
391n | N3:currency N..15 | 8020 | 391n | amount with currency
392n | N..15 | 01 {_COUNTED} | 392n,393n | price
393n | N3:currency N..15 | {_COUNTED} | 393n | price with currency
3940-3943 | N4 | 255 | 394n,8111 | discount in percent
3950-3955 | N6 | {_COUNTED} | 392n,393n,395n,8005 | price per unit of measure
400 | X..30 | | | order number
401 | X..30:prefix | | | consignment (GINC)
402 | N17:check:prefix | | | shipment (GSIN)
403 | X..30 | 00 | | routing code
410-414 416 417 | {_GLN} | | | GLN of a place or party
415 | {_GLN} | 8020 | | GLN of the invoicing party
420 | X..20 | | 421 | ship-to postcode
421 | N3:country X..9 | | 4307 | ship-to postcode with country
422 | N3:country | {_VARIED} | 426 | country of origin
423 425 | {_COUNTRIES} | {_TRADE} | 426 | countries of processing
424 | N3:country | {_TRADE} | 426 | country of processing
426 | N3:country | {_TRADE} | | country of all steps
427 | X..3 | {_TRADE} 422 | | region of origin
4300 4301 4310 4311 4320 | X..35:escapes | 00 | | logistics name
4302 4304-4306 4312 4314-4316 | X..70:escapes | 00 | | logistics address
4303 | X..70:escapes | 4302 | | second address line
4313 | X..70:escapes | 4312 | | second address line
4307 4317 | X2:land | 00 | | country code
4308 4319 | X..30 | 00 | | telephone
4309 | N10:latitude N10:longitude | 00 | | place on earth
4318 | X..20 | 00 | | return postcode
4321-4323 | N1:yesno | 00 | | flag
4324 4325 | N6:date0 N4:clock | 00 | | delivery time
4326 | N6:date | 00 | | release date
4330 | N6 X1?:minus | 00 | 4331 | highest temperature, Fahrenheit
4331 | N6 X1?:minus | 00 | 4330 | highest temperature, Celsius
4332 | N6 X1?:minus | 00 | 4333 | lowest temperature, Fahrenheit
4333 | N6 X1?:minus | 00 | 4332 | lowest temperature, Celsius
7001 | N13 | {_VARIED} | | NATO stock number
7002 | X..30 | {_TRADE} | | meat cut
7003 | N6:date N4:clock | {_TRADE} | | expiry date and time
7004 | N..4 | 01+10 | | active potency
7005 | X..12 | {_TRADE} | | catch area
7006 | N6:date | {_TRADE} | | first freeze date
7007 | N6:date N6?:date | {_TRADE} | | harvest date or dates
7008 | X..3 | {_TRADE} | | species
7009 | X..10 | {_TRADE} | | fishing gear
7010 | X..2 | {_TRADE} | | production method
7011 | N6:date N4?:clock | {_TRADE} | | test by
7020 | X..20 | 01,8006 416 | | refurbishment lot
7021 | X..20 | 01,8006 | | functional status
7022 | X..20 | 7021 | | revision status
7023 | X..30:prefix | | | assembly (GIAI)
703n | N3:country999 X..27 | {_TRADE} | | processor
7040 | N1 X1 X1 X1:importer | | | unique identification code
7041 | X..4:package | 00 | | freight unit type
710-717 | X..20 | 01 | | national healthcare number
723n | X2 X..28 | 01,8004 | | certificate
7240 | X..20 | 01,8006 | | protocol
7241 | N2:medium | 8017,8018 | | media type
7242 | X..25 | 8017,8018 | | version control
7250 | N8:longdate | 8018 | 7251 | date of birth
7251 | N8:longdate N4:clock | 8018 | 7250 | time of birth
7252 | N1:sex | 8018 | | sex
7253 7254 | X..40:escapes | 8017,8018 | 7256,7259 | name
7255 | X..10 | 8017,8018 | 7256,7259 | name suffix
7256 | X..90:escapes | 8017,8018 | | full name
7257 | X..70:escapes | 8018 | | address of a person
7258 | X3:place | 8018+7259 | | birth sequence
7259 | X..40:escapes | 8018 | 7256 | name of a baby
8001 | N4:positive N5:positive N3:positive N1:winding N1 | 01 | | roll
8002 | X..20 | | | telephone serial
8003 | N1:zero {_GLN} X..16? | | | returnable asset (GRAI)
8004 | X..30:prefix | | | asset (GIAI)
8005 | N6 | {_TRADE} | | price per unit
8006 | {_GTIN} N4:pieces | | 01,37 | piece of an item (ITIP)
8007 | X..34:iban | 415 | | IBAN
8008 | N6:date N2:hour N2?:sixty N2?:sixty | {_TRADE} | | time made
8009 | X..50 | 00,01 | | optical sensor
8010 | Y..30:prefix | | | component (CPID)
8011 | N..12:nozero | 8010 | | component serial
8012 | X..20 | 01,8006 | | software version
8013 | X..25:pair:prefix | | | model (GMN)
8014 | X..25:pair:prefix:nondigit | 01 | | made-up device (MUDI)
8017 | {_GSRN} | | 8018 | service provider (GSRN)
8018 | {_GSRN} | | 8017 | service recipient (GSRN)
8019 | N..10 | 8017,8018 | | service instance
8020 | X..25 | 415 | | payment slip
8026 | {_GTIN} N4:pieces | 37 | 02,8006 | contained pieces
8030 | Z..90 | 00,01+21,253,255,8003,8004,8006+21,8010+8011,8017,8018 | | digital signature
8040 | N15 | 01+21 | | IMEI
8041 | N15 | 01+21+8040 | | second IMEI
8042 | N32 | 01+21+8040 | | eSIM
8043 | N18 N..2? | 01+21+8040 | | SIM
8110 | X..70:coupon | | | coupon code
8111 | N4 | 255 | | loyalty points
8112 | X..70:offer | | | coupon code (offer file)
8200 | X..70 | 01 | | packaging address
90 | X..30 | | | agreed between partners
91-99 | X..90 | | | company internal
"""
_NET = "310-316 320-329 350-352 356-357 360-361 364-366"
_GROSS = "330-336 340-349 353-355 362-363 367-369"
_AREA_WEIGHT = "337"
_DECIMALS = "012345"
"""A measure tells by its last digit how many of its six digits are decimals."""

_FIXED = frozenset("00 01 02 03 11 12 13 15 16 17 20 31 32 33 34 35 36 41".split())
"""After these the next element follows without a separator."""

KEY_QUALIFIERS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "00": (), "01": (("22", "10", "21"), ("235",)), "253": (), "255": (), "401": (), "402": (),
    "414": (("254",), ("7040",)), "415": (("8020",),), "417": (("7040",),), "8003": (),
    "8004": (("7040",),), "8006": (("22", "10", "21"),), "8010": (("8011",),), "8013": (),
    "8017": (("8019",),), "8018": (("8019",),),
}  # fmt: skip
"""The keys a Digital Link may begin with, and which qualifiers may follow, in this order."""

NEVER_IN_QUERY: Final = frozenset(
    "03 21 22 235 254 7040 7041 8011 8014 8019 8020 8040 8041 8042 8043 8200".split()
)

_PART = re.compile(r"([NXYZ])(\.\.)?(\d+)(\?)?((?::\w+)*)")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an element: its set of signs, its lengths, the rules for its content."""

    signs: str
    shortest: int
    longest: int
    is_optional: bool
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApplicationIdentifier:
    """What may follow an application identifier, and which others it needs or excludes.

    `needs` holds all that must be met; each is a choice of groups that must stand together.
    """

    code: str
    name: str
    parts: tuple[Part, ...]
    needs: tuple[tuple[tuple[str, ...], ...], ...]
    excludes: tuple[str, ...]
    is_fixed: bool


def matches(pattern: str, code: str) -> bool:
    """Say whether a code is meant by a pattern such as ``31nn``."""
    return len(pattern) == len(code) and all(
        p in ("n", c) for p, c in zip(pattern, code, strict=True)
    )


def find_identifier(text: str) -> ApplicationIdentifier | None:
    """Find the application identifier that a text begins with; no code begins another."""
    return IDENTIFIERS.get(text[:2]) or IDENTIFIERS.get(text[:3]) or IDENTIFIERS.get(text[:4])


def _codes(text: str) -> Iterator[str]:
    for word in text.split():
        first, _, last = word.partition("-")
        if first.endswith("n"):
            first, last = f"{first[:-1]}0", f"{first[:-1]}9"
        for number in range(int(first), int(last or first) + 1):
            yield str(number).zfill(len(first))


def _parts(text: str) -> Iterator[Part]:
    for word in text.split():
        match = _PART.fullmatch(word)
        if match is None:
            raise ValueError(word)
        signs, varies, length, optional, rules = match.groups()
        longest = int(length)
        yield Part(
            signs,
            1 if varies else longest,
            longest,
            bool(optional),
            tuple(rules.split(":")[1:]),
        )


def _identifier(code: str, cells: list[str]) -> ApplicationIdentifier:
    parts, needs, excludes, title = cells
    return ApplicationIdentifier(
        code=code,
        name=f"({code}) {title}",
        parts=tuple(_parts(parts)),
        needs=tuple(
            tuple(tuple(group.split("+")) for group in need.split(",")) for need in needs.split()
        ),
        excludes=tuple(excludes.split(",")) if excludes else (),
        is_fixed=code[:2] in _FIXED,
    )


def _read() -> Iterator[ApplicationIdentifier]:
    for line in _ROWS.strip().splitlines():
        first, *cells = (cell.strip() for cell in line.split("|"))
        for code in _codes(first):
            yield _identifier(code, cells)
    for group, needs in ((_NET, _TRADE), (_GROSS, "00,01"), (_AREA_WEIGHT, "01")):
        for measure in _codes(group):
            for decimals in _DECIMALS:
                cells = ["N6", needs, f"{measure}n", "measure"]
                yield _identifier(measure + decimals, cells)


IDENTIFIERS: Final[Mapping[str, ApplicationIdentifier]] = {each.code: each for each in _read()}

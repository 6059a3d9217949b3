"""Reads free text of lot numbers into exact lots and ranges; what is open goes to a person.

It must not know which lots there are. Nothing is guessed: a piece with two readings is a doubt
that lists both, and whatever was not read is given back.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from qtcore.builtin.lot_text.ranges import LotRange, NotARange, make_range
from qtcore.builtin.lot_text.words import (
    AMOUNTS,
    FULL_DATE,
    MEASURE,
    OPEN_WORDS,
    PRODUCT_WORDS,
    Token,
    cut,
    plain,
)

MOST_SIGNS: Final = 100_000
_OPEN_WORD: Final = "it changes which lots are meant; name the lots one by one or as a range"
_PAIR: Final = re.compile(r"([A-Za-z0-9._]+)([-/])([A-Za-z0-9._]+)")
_PLURALS: Final = frozenset({"lots", "batches", "codes"})
_WILD: Final = re.compile(r"[A-Za-z0-9]*[0-9][A-Za-z0-9]*?(?:[xX]{2,})")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A piece of the text a person must decide: what was found, where, and why it is open.

    `start` counts characters from 0. `readings` are what it may mean, when that can be said.
    """

    text: str
    start: int
    reason: str
    readings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "text": self.text,
            "start": self.start,
            "reason": self.reason,
            "readings": list(self.readings),
        }


@dataclass(slots=True)
class LotText:
    """What a text says: single lots, ranges, beginnings, or all lots; and what stays open.

    `excluded` are lots that "all lots" does not mean. `unread` are the pieces that name no lots,
    such as dates, amounts and product names.
    """

    lots: list[str] = field(default_factory=list)
    ranges: list[LotRange] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    all_lots: bool = False
    doubts: list[Doubt] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def is_decided(self) -> bool:
        """Say whether the text names something and leaves nothing open."""
        says = self.all_lots or self.lots or self.ranges or self.prefixes
        return bool(says) and not self.doubts

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "decided": self.is_decided,
            "lots": self.lots,
            "ranges": [each.as_json() for each in self.ranges],
            "prefixes": self.prefixes,
            "excluded": self.excluded,
            "all_lots": self.all_lots,
            "doubts": [each.as_json() for each in self.doubts],
            "unread": self.unread,
        }


def read_lot_text(text: str) -> LotText:
    """Read free text of lot numbers, English or Chinese.

    Lots and ranges are given as they are written, leading zeros kept. Numbers count as lots where
    the text speaks of lots ("lots 00112 through 10412"), or everywhere when it has no such word.
    Raises ValueError for a text of more than 100,000 signs.
    """
    if len(text) > MOST_SIGNS:
        raise ValueError(f"the text has {len(text)} signs; at most {MOST_SIGNS} are read at once")
    return _Reader(plain(text)).read()


def speaks_of_lots(text: str) -> bool:
    """Say whether a text is words about lots rather than a name: lots, batch, through ..."""
    if len(text) > MOST_SIGNS:
        return False
    kinds = [(token.kind, token.text) for token in cut(plain(text))]
    has_word = any(k == "key" or (k == "range" and each.isalpha()) for k, each in kinds)
    return has_word and any(kind in ("number", "all") for kind, _ in kinds)


def _shape(number: str) -> str:
    """Write a number as its shape: A123 and B456 are alike, A-12 is another."""
    return re.sub(r"[A-Za-z]", "A", re.sub(r"[0-9]", "9", number))


class _Reader:
    """Walks over the tokens once; knows whether the text speaks of lots just now."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(cut(text))
        self._at = 0
        self._found = LotText()
        self._in_list = not any(token.kind == "key" for token in self._tokens)
        self._is_excluding = False
        self._is_between = False
        self._all: Token | None = None
        self._qualified: Token | None = None
        self._pairs: list[tuple[Token, str, str, str]] = []

    def read(self) -> LotText:
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            getattr(self, f"_read_{token.kind}")(token)
        self._close_all()
        self._decide_pairs()
        found = self._found
        found.doubts += [
            Doubt(each[each.lastindex or 0].strip(), each.start(each.lastindex or 0), _OPEN_WORD)
            for each in OPEN_WORDS.finditer(self._text)
        ]
        found.doubts.sort(key=lambda doubt: doubt.start)
        found.lots = list(dict.fromkeys(found.lots))
        found.ranges = list(dict.fromkeys(found.ranges))
        found.unread = list(dict.fromkeys(found.unread))
        return found

    # one method for each kind of token

    def _read_all(self, token: Token) -> None:
        self._close_all()
        following = self._next_but("filler", "mark")
        if following is not None and following.kind in ("key", "qualifier"):
            self._all = token

    def _read_key(self, _token: Token) -> None:
        self._in_list, self._qualified = True, None

    def _read_except(self, _token: Token) -> None:
        self._is_excluding = self._in_list = True
        self._qualified = None

    def _read_prefix(self, token: Token) -> None:
        while (following := self._peek()) is not None and following.kind in ("number", "word"):
            self._at += 1
            self._found.prefixes.append(following.text)
            self._all = None
            if not self._joined_to_number():
                return
            self._at += 1
        if not self._found.prefixes:
            self._doubt(token, "what the numbers begin with is not said")

    def _read_qualifier(self, token: Token) -> None:
        self._qualified = token
        self._found.unread.append(token.text)

    def _read_date(self, token: Token) -> None:
        self._found.unread.append(token.text)
        if self._all is None:  # "A1 exp. 01/25 A2 exp. 02/25": the list goes on after the date
            self._qualified = None

    def _read_between(self, _token: Token) -> None:
        self._is_between = True

    def _read_range(self, token: Token) -> None:
        if self._in_list and self._qualified is None:
            self._doubt(token, "a range lacks its first or last lot number")

    def _read_separator(self, token: Token) -> None:
        if self._all is None and token.text not in ")]":
            self._qualified = None

    def _read_filler(self, _token: Token) -> None:
        return

    def _read_mark(self, token: Token) -> None:
        if token.text == ".":  # "All lots. UPC ...": another sentence is no condition
            self._close_all()

    def _read_word(self, token: Token) -> None:
        self._found.unread.append(token.text)
        if token.text.lower() not in AMOUNTS and self._qualified is None:
            self._in_list = self._is_only_list()

    def _read_number(self, token: Token) -> None:
        following = self._peek()
        if following is not None and following.text.lower() in AMOUNTS | {"lot", "lots"}:
            self._found.unread.append(token.text)  # an amount: "20 cases", "3 lots"
        elif self._qualified is not None:
            self._found.unread.append(token.text)
        elif not self._in_list and (found := MEASURE.match(self._text, token.start)):
            self._found.unread.append(found[0])
            while (inside := self._peek()) is not None and inside.start < found.end():
                self._at += 1
        elif not self._in_list:
            self._doubt(token, "a number where the text does not speak of lots")
        else:
            self._read_lot(token)

    # what numbers become

    def _read_lot(self, token: Token) -> None:
        if self._all is not None and not self._is_excluding:
            self._all = None  # "all the following lots: 12, 13" is a list
        is_range = self._peek_kind() == "range" or (
            self._is_between and self._peek_kind() == "separator"
        )
        end = self._peek(1)
        if is_range and end is not None and (end.kind == "filler" or end.text == "#"):
            self._tokens.pop(self._at + 1)
            end = self._peek(1)
        self._is_between = False
        if is_range and end is not None and end.kind == "number":
            self._at += 2
            self._range(token, end)
        else:
            self._single(token)

    def _range(self, first: Token, last: Token) -> None:
        piece = self._text[first.start : last.end]
        try:
            found = make_range(first.text, last.text)
        except NotARange as error:
            self._found.doubts.append(Doubt(piece, first.start, f"no exact range: {error}"))
            return
        if self._is_excluding:
            reason = "a range is left out; which of its lots exist is to be looked up"
            self._found.doubts.append(Doubt(piece, first.start, reason))
        elif found.low == found.high:
            self._found.lots.append(found.first)
        else:
            self._found.ranges.append(found)

    def _single(self, token: Token) -> None:
        text = token.text
        following = self._peek()
        if following is not None and following.text in "*?%" and following.start == token.end:
            self._at += 1
            whole = Token("number", f"{text}{following.text}", token.start, following.end)
            self._doubt(whole, "signs that may stand for others; say which lots are meant")
        elif text.isdigit() and (found := MEASURE.match(self._text, token.start)):
            whole = Token("number", found[0], token.start, found.end())
            self._doubt(whole, "a lot number, or a temperature or share", (text, found[0]))
        elif FULL_DATE.fullmatch(text):
            self._doubt(token, "a date, or a lot number written like one", (text,))
        elif _WILD.fullmatch(text):
            self._doubt(token, "signs that may stand for others; say which lots are meant")
        elif (pair := _PAIR.fullmatch(text)) and self._may_be_two(*pair.groups()):
            self._pair(token, *pair.groups())
        elif self._is_excluding:
            self._found.excluded.append(text)
        else:
            self._found.lots.append(text)

    @staticmethod
    def _may_be_two(first: str, sign: str, last: str) -> bool:
        try:
            found = make_range(first, last)
        except (NotARange, ValueError):
            return False
        return found.width is not None and (found.low < found.high or sign == "/")

    def _pair(self, token: Token, first: str, sign: str, last: str) -> None:
        """Judge A100-A110: two numbers of one shape joined without a blank."""
        if sign == "-" and not first[0].isdigit():  # the letters are repeated: two lot numbers
            self._range(
                Token("number", first, token.start, token.start + len(first)),
                Token("number", last, token.end - len(last), token.end),
            )
            return
        self._pairs.append((token, first, sign, last))

    def _decide_pairs(self) -> None:
        """Decide 0001-0005 where the text itself does: by other numbers of it, or by its plural."""
        found = self._found
        numbers = [*found.lots, *(end for each in found.ranges for end in (each.first, each.last))]
        shapes = {_shape(number) for number in numbers}
        alone = len(self._pairs) == 1 and not shapes and not found.all_lots
        is_plural = any(
            token.kind == "key" and token.text.lower() in _PLURALS for token in self._tokens
        )
        for token, first, sign, last in self._pairs:
            has_halves = _shape(first) in shapes and _shape(token.text) not in shapes
            if not (has_halves or (alone and is_plural)):
                joined = f"{first} through {last}" if sign == "-" else f"{first} and {last}"
                self._doubt(token, "one lot number, or two", (token.text, joined))
            elif sign == "-":
                found.ranges.append(make_range(first, last))
            else:
                found.lots += [first, last]

    # looking ahead, and closing

    def _peek(self, ahead: int = 0) -> Token | None:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _peek_kind(self) -> str:
        following = self._peek()
        return following.kind if following else ""

    def _next_but(self, *kinds: str) -> Token | None:
        rest = self._tokens[self._at :]
        return next((token for token in rest if token.kind not in kinds), None)

    def _joined_to_number(self) -> bool:
        following, then = self._peek(), self._peek(1)
        return bool(following and then and following.kind == "separator" and then.kind == "number")

    def _is_only_list(self) -> bool:
        """Say whether the text has no word for lots: then every number is meant as one."""
        return not any(token.kind == "key" for token in self._tokens)

    def _close_all(self) -> None:
        """Decide an "all lots" that no list followed."""
        if self._all is None:
            return
        if self._qualified is None or self._qualified.text.lower() in PRODUCT_WORDS:
            self._found.all_lots = True
        else:
            piece = self._text[self._all.start : self._tokens[self._at - 1].end]
            reason = "all lots under a condition; say which lots meet it"
            self._found.doubts.append(Doubt(piece[:300], self._all.start, reason))
        self._all = None

    def _doubt(self, token: Token, reason: str, readings: tuple[str, ...] = ()) -> None:
        self._found.doubts.append(Doubt(token.text, token.start, reason, readings))

"""What the API takes about recalls and open orders.

It must not know services' behaviour beyond their input types.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from qtcore.http.api.inputs import Code, Moment, Short, Word
from qtcore.http.json_body import Input, Quantity
from qtcore.services.recall_seeds import Question


class ScopeBody(Input):
    """What a recall starts from: lots by any identifier, a window of a machine, a supplier ...

    `from` and `to` bound the events of `equipment`, `supplier` and `where`, which is an expression
    over the parameters of events. `include_unrecorded` also starts from what was made in the window
    of `equipment` at a machine that nobody recorded.
    """

    seeds: tuple[Code, ...] = Field(default=(), max_length=500)
    equipment: Short = ""
    supplier: Short = ""
    where: Annotated[str, StringConstraints(max_length=2000)] = ""
    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")
    include_unrecorded: StrictBool = False

    def as_question(self) -> Question:
        """Give the question the services take."""
        return Question(
            self.seeds,
            self.equipment,
            self.supplier,
            self.where,
            self.since,
            self.until,
            self.include_unrecorded,
        )


class RecallBody(ScopeBody):
    """What opens a recall; a mock one has no effect on lots."""

    title: Annotated[str, StringConstraints(min_length=3, max_length=200)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    is_mock: StrictBool = False
    data: dict[str, Any] = Field(default_factory=dict)


class SendBody(Input):
    """Where consignees answer, such as https://qt.example.com, if the site names no address."""

    base_url: Annotated[str, StringConstraints(pattern=r"^(https?://[^/?#]{1,200})?$")] = ""


class EvidenceBody(Input):
    """What shows that somebody took note."""

    evidence: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class ClockBody(Input):
    """A clock of the plan and when it started."""

    event: Code
    at: Moment


class CustomerBody(Input):
    """A consignee, by the code of the party."""

    customer: Code


class ReplyBody(Input):
    """What a consignee answered."""

    acknowledged: StrictBool
    impact: Literal["none", "some", "all"]
    quantity: Quantity | None = None
    unit: Short = ""
    completed: StrictBool = False
    contact: Annotated[str, StringConstraints(max_length=200)] = ""
    note: Annotated[str, StringConstraints(max_length=2000)] = ""


class CustomerReplyBody(ReplyBody):
    """What a consignee said by phone or letter."""

    customer: Code


class CheckBody(Input):
    """An effectiveness check of one consignee."""

    customer: Code
    method: Literal["visit", "phone", "mail", "portal"]
    notice_received: StrictBool
    understood: StrictBool
    acted: StrictBool
    note: Annotated[str, StringConstraints(max_length=2000)] = ""


class CloseBody(Input):
    """The closure of a recall, signed; a justification accepts what is unaccounted for."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    password: Annotated[str, StringConstraints(max_length=400)] = ""
    justification: Annotated[str, StringConstraints(max_length=2000)] = ""


class OrderBody(Input):
    """A line of a customer's order that reserves a lot."""

    order_no: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    line_no: StrictInt = Field(default=1, ge=1, le=100_000)
    customer: Code
    lot: Word
    quantity: Quantity
    unit: Short
    due_at: Moment | None = None


class OrderStateBody(Input):
    """What became of an order line."""

    state: Literal["done", "cancelled"]

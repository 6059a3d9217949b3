"""What the API takes about configurations.

It must not know services.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StrictInt, StringConstraints, model_validator

from qtcore.http.json_body import Input

Short = Annotated[str, StringConstraints(max_length=300)]
Why = Annotated[str, StringConstraints(max_length=2000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
FileText = Annotated[str, StringConstraints(max_length=1_000_000)]
States = dict[Name, Name]


class DraftBody(Input):
    """A new draft over the version that serves."""

    title: Short = ""
    reason: Why = ""
    mappings: dict[Name, States] = Field(default_factory=dict)


class FileBody(Input):
    """One file of a draft; without a text it is removed."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=1_000_000)

    pack: Name
    file: Name
    text: FileText | None = None


class FilesBody(Input):
    """Files to set in a draft; `expected_version` refuses when somebody was faster."""

    files: tuple[FileBody, ...] = Field(min_length=1, max_length=500)
    expected_version: StrictInt | None = None


class EditBody(Input):
    """One edit at a path such as ``rules[CORE-01].severity``; `remove` takes no value."""

    path: Name
    operation: Literal["set", "add", "remove"] = "set"
    value: Any = None

    @model_validator(mode="after")
    def _check_value(self) -> Self:
        needs = self.operation != "remove"
        if needs != ("value" in self.model_fields_set):
            said = "needs a value (null is one)" if needs else "takes no value"
            raise ValueError(f"the operation {self.operation!r} {said}")
        return self


class EditsBody(Input):
    """Edits of one file, made one after the other, all or none."""

    pack: Name
    file: Name
    edits: tuple[EditBody, ...] = Field(min_length=1, max_length=50)
    expected_version: StrictInt | None = None


class MappingsBody(Input):
    """Where running records go whose state the draft removes: workflow -> old -> new."""

    mappings: dict[Name, States]


class ReasonedBody(Input):
    """A reason."""

    reason: Why = ""


class PublishBody(Input):
    """The signature of the second person: the password once more."""

    password: Annotated[str, StringConstraints(max_length=400)] = ""
    login: Annotated[str, StringConstraints(max_length=120)] = ""
    code: Annotated[str, StringConstraints(max_length=12)] = ""
    reason: Why = ""
    expected_version: StrictInt | None = None


class CompareQuery(Input):
    """Two version numbers."""

    before: int = Field(ge=1, le=10**8)
    after: int = Field(ge=1, le=10**8)


class MigrationBody(Input):
    """A mapping of states (and fields); `run` moves, without it the answer is a preview."""

    states: States = Field(default_factory=dict)
    fields: dict[Name, Annotated[str, StringConstraints(max_length=200)]] = Field(
        default_factory=dict
    )
    reason: Why = ""
    run: bool = False


class ReplayQuery(Input):
    """Which histories: of a workflow or of the release gate; by a draft or their own versions."""

    workflow: Annotated[str, StringConstraints(max_length=80)] = ""
    draft: Annotated[str, StringConstraints(max_length=36)] = ""
    limit: int = Field(default=500, ge=0, le=100_000)

from pathlib import Path

import pytest

from qtcore.definitions.folders import base_folders
from qtcore.definitions.packs import KINDS
from qtcore.definitions.read import read_pack
from qtcore.definitions.schema import FILE_KINDS, kind_schema
from qtcore.definitions.versions import CORE_VERSION, allows_version
from qtcore.errors import NotFound

HEAD = "pack: mine\nversion: 1.10\nrequires_qtcore: '>=0.1,<1'\ntitle: {en: Mine}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mine"


def write(folder: Path, **files: str) -> Path:
    for name, text in {"pack": HEAD, **files}.items():
        path = folder / (name.replace("__", "/") + ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def said(folder: Path) -> list[str]:
    return [f"{p.file}:{p.line}:{p.column} {p.code}" for p in read_pack(folder).problems]


def test_a_folder_is_read_with_the_place_of_each_definition(folder):
    write(folder, rules="rules:\n  - id: BR-01\n    check: balance_ok\n")
    pack = read_pack(folder)
    (rule,) = pack.definitions["rules"]
    assert (pack.name, rule.definition.id, rule.file) == ("mine", "BR-01", "mine/rules.yaml")
    assert rule.at("check") == (3, 12, 10)
    assert pack.problems == ()


def test_a_version_keeps_its_digits(folder):
    head = read_pack(write(folder)).pack
    assert head is not None
    assert head.version == "1.10"


def test_texts_are_joined_with_dots(folder):
    write(folder, i18n__en="language: en\ntexts:\n  facts:\n    a.b: 12\n    on: 'Yes'\n")
    assert read_pack(folder).texts == {"en": {"facts.a.b": "12", "facts.on": "Yes"}}


def test_texts_may_be_spread_over_files_but_not_given_twice(folder):
    write(
        folder,
        i18n__en="language: en\ntexts: {roles: {a: A}}\n",
        more__i18n__en="language: en\ntexts: {roles: {b: B, a: C}}\n",
    )
    pack = read_pack(folder)
    assert pack.texts == {"en": {"roles.a": "A", "roles.b": "B"}}
    assert [p.code for p in pack.problems] == ["QT102"]


def test_templates_are_kept_as_text_and_tests_are_not_read(folder):
    write(folder, tests__rules="rules: wrong")
    (folder / "documents/templates").mkdir(parents=True)
    (folder / "documents/templates/coa.html").write_text("<p>{{ lot }}</p>")
    pack = read_pack(folder)
    assert pack.files["documents/templates/coa.html"] == "<p>{{ lot }}</p>"
    assert pack.problems == ()


def test_every_mistake_is_reported_at_once(folder):
    write(
        folder,
        rules="rules:\n  - id: 1\n    chek: x\n  - id: A\n    check: x\n    severity: blok\n",
        facts="facts: 7\nroles:\n  - may_sign: 'true'\n",
    )
    assert said(folder) == [
        "mine/facts.yaml:1:8 QT112",
        "mine/facts.yaml:3:5 QT111",
        "mine/facts.yaml:3:15 QT112",
        "mine/rules.yaml:2:5 QT111",
        "mine/rules.yaml:2:9 QT112",
        "mine/rules.yaml:3:5 QT110",
        "mine/rules.yaml:6:15 QT112",
    ]


def test_an_empty_file_and_an_empty_kind_are_no_mistake(folder):
    assert said(write(folder, rules="rules:\n", facts="# nothing yet\n")) == []


def test_a_folder_that_does_not_exist_is_a_problem(folder):
    assert [p.code for p in read_pack(folder).problems] == ["QT120", "QT120"]


@pytest.mark.parametrize("target", ["../outside", "/etc"], ids=["relative", "absolute"])
def test_a_link_out_of_the_pack_is_not_followed(folder, target):
    write(folder)
    (folder.parent / "outside").mkdir()
    (folder.parent / "outside/rules.yaml").write_text("rules: []\n")
    (folder / "linked").symlink_to(target, target_is_directory=True)
    (folder / "rules.yaml").symlink_to("../outside/rules.yaml")
    assert said(folder) == ["mine/linked:1:1 QT108", "mine/rules.yaml:1:1 QT108"]


def test_a_link_inside_the_pack_is_read(folder):
    write(folder, real="rules:\n  - {id: A, check: x}\n")
    (folder / "rules.yaml").symlink_to("real.yaml")
    assert len(read_pack(folder).definitions["rules"]) == 2


def test_files_are_read_in_one_order_whatever_the_disk_says(folder):
    for name in ("z", "a", "m"):
        write(folder, **{name: f"rules:\n  - {{id: {name.upper()}, check: x}}\n"})
    found = [rule.definition.id for rule in read_pack(folder).definitions["rules"]]
    assert found == ["A", "M", "Z"]


def test_a_definition_torn_by_a_syntax_error_says_nothing_more(folder):
    write(folder, rules="rules:\n  - id: A\n    check: x\n  - id: B\n    check: [1\n")
    pack = read_pack(folder)
    assert [p.code for p in pack.problems] == ["QT101"]
    assert [rule.definition.id for rule in pack.definitions["rules"]] == ["A"]


def test_numbers_among_the_choices_of_a_text_field_stay_text(folder):
    field = "{a: {type: string, enum: [1, 2.50]}}"
    form = f"forms:\n  - id: f\n    schema: {{type: object, properties: {field}}}\n"
    (found,) = read_pack(write(folder, forms=form)).definitions["forms"]
    assert found.definition.schema_["properties"]["a"]["enum"] == ["1", "2.50"]


def test_the_base_pack_has_no_problem():
    pack = read_pack(base_folders())
    assert (pack.name, pack.problems) == ("base", ())
    assert "workflows/lot.yaml" in pack.files


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        (">=0.1,<1", True),
        (">=0.1.1", False),
        ("==0.1", True),
        ("<0.1", False),
        ("~=0.1", None),
        ("", None),
        ("1", None),
    ],
)
def test_a_version_range_is_understood_or_refused(bounds, expected):
    assert allows_version(bounds, "0.1.0") is expected


def test_the_version_is_that_of_the_project():
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    assert f'version = "{CORE_VERSION}"' in project.read_text("utf-8")


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_each_kind_has_a_schema_for_editors(kind):
    schema = kind_schema(kind)
    assert schema["$schema"].endswith("2020-12/schema")
    assert kind not in KINDS or schema["required"] == [kind]


def test_an_unknown_kind_has_no_schema():
    with pytest.raises(NotFound, match="there is no kind 'form'; accepted are fields, forms"):
        kind_schema("form")


FLOW = """workflows:
  - id: small
    subject: lot
    initial: one
    states: STATES
    transitions:
      - {id: go, from: FROM, to: two, roles: [qa]}
    timers: [{state: one, after: AFTER, escalate_to: [qa]}]
"""
GOOD = {
    "STATES": "[{id: one, status: testing}, {id: two, status: released, final: true}]",
    "FROM": "[one]",
    "AFTER": "P3D",
}


@pytest.mark.parametrize(
    ("part", "written", "said"),
    [
        ("STATES", "[]", ["is an empty list; accepted is a list of at least 1"]),
        (
            "STATES",
            "[{id: one}]",
            ["state 'one' needs the key 'status'; add it as one of draft, quarantine, testing"],
        ),
        ("FROM", "one", ["'from' of transition 'go' is 'one'; accepted is a list: write [one]"]),
        ("AFTER", "3", ["is 3; accepted is an ISO 8601 duration such as P3D"]),
        (
            "STATES",
            "[{id: one, status: testing, final: 'true'}]",
            ["'final' of state 'one' is 'true'; accepted is true or false, without quotes"],
        ),
    ],
)
def test_a_message_says_how_it_is_written(tmp_path, part, written, said):
    text = FLOW
    for name, value in {**GOOD, part: written}.items():
        text = text.replace(name, value)
    (tmp_path / "pack.yaml").write_text(
        'pack: p\nversion: "1"\nrequires_qtcore: ">=0.1,<1"\ntitle: {en: P}\nlanguages: [en]\n',
        "utf-8",
    )
    (tmp_path / "more.yaml").write_text(text, "utf-8")
    found = [p.message for p in read_pack(tmp_path).problems]
    assert len(found) == len(said), found
    for message, words in zip(found, said, strict=True):
        assert words in message


def test_a_full_width_colon_is_named(tmp_path):
    (tmp_path / "more.yaml").write_text("rules：\n  - {id： P-1}\n", "utf-8")
    found = [p.message for p in read_pack(tmp_path).problems if p.file.endswith("more.yaml")]
    assert found == ["the sign '：' is full-width; write ':' and a space behind each key"]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("rules:\n  - id： P-1\n", (2, 5), "the sign '：' is full-width"),
        (
            "rules:\n  - {id: “P-1”, check: ok}\n",
            (2, 10),
            "typographic quotes are part of the text",
        ),
        ("rules: []\n...\nfacts: []\n", (3, 1), "nothing may follow here"),
    ],
)
def test_what_a_chinese_keyboard_or_a_second_part_leaves_is_named(tmp_path, text, place, words):
    (tmp_path / "more.yaml").write_text(text, "utf-8")
    found = [p for p in read_pack(tmp_path).problems if p.file.endswith("more.yaml")]
    assert [(p.line, p.column) for p in found if words in p.message] == [place]

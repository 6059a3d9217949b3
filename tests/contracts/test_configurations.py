"""What was published serves, from the stored texts; nothing changes silently."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from qtcore.definitions.folders import base_folders
from qtcore.pack import FolderPack, LotFacts, Refusal, hookimpl
from qtcore.registry import stored
from qtcore.registry.code import StoredPack, code_digest
from qtcore.registry.differences import find_differences
from qtcore.registry.load import load_packs, load_registry
from qtcore.registry.registry import PackTexts, Registry
from qtcore.registry.stored import (
    Configuration,
    changed_files,
    compile_configuration,
    configuration_of,
)
from qtcore.services.configurations import read_published
from qtcore.services.definitions import publish_registry
from qtcore.services.drafts import list_drafts
from qtcore.services.pending import pending_files
from qtcore.services.site import Site, open_site
from qtcore.testing import a_registry

SITE = """\
pack: plant
version: "{version}"
requires_qtcore: ">=0.1,<1"
layer: site
packs: [food]
languages: [en]
title: {{en: Plant}}
"""


def a_site_folder(folder: Path, version: str = "1.0", rules: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "pack.yaml").write_text(SITE.format(version=version), "utf-8")
    if rules:
        (folder / "rules.yaml").write_text(rules, "utf-8")
    return folder


def opened(tmp_path: Path, site_dir: Path | None = None) -> Site:
    site = open_site(f"sqlite:///{tmp_path / 'plant.db'}", site_dir=site_dir, create=True)
    publish_registry(site, site.system_context())
    return site


@pytest.fixture(scope="module")
def registry() -> Registry:
    return a_registry()


@pytest.fixture(scope="module")
def configuration(registry: Registry) -> Configuration:
    return configuration_of(registry)


def test_a_registry_of_stored_texts_is_the_one_of_the_folders(registry, configuration):
    again = compile_configuration(configuration).get_registry()
    assert again.fingerprint == registry.fingerprint
    assert again.hooks.judges_of("judge_shipment") == ("pharma",)
    assert find_differences(registry, again) == ()


def test_one_letter_changes_the_address_and_the_fingerprint(registry, configuration):
    base = configuration.find("base")
    assert base is not None
    files = dict(base.files)
    files["workflows/i18n/en.yaml"] = files["workflows/i18n/en.yaml"].replace(
        "Quarantine", "Held", 1
    )
    changed = configuration.with_pack(
        stored.with_version(PackTexts("base", layer="base", files=files))
    )
    other = compile_configuration(changed).get_registry()
    assert (changed.sha256 != configuration.sha256, other.fingerprint != registry.fingerprint) == (
        True,
        True,
    )
    assert [d.area for d in find_differences(registry, other)] == ["text"]


@pytest.mark.heavy
def test_the_first_start_is_recorded_as_such_and_later_ones_publish_nothing(tmp_path):
    with_site = opened(tmp_path)
    with_site.close()
    again = opened(tmp_path)
    published = read_published(again.store)
    again.close()
    assert published is not None
    assert (published.number, published.row.origin, again.version) == (1, "initial", 1)


def test_files_changed_on_disk_are_a_pending_upgrade_and_the_old_version_serves(tmp_path):
    folder = a_site_folder(tmp_path / "plant")
    opened(tmp_path, folder).close()
    a_site_folder(folder, "2.0")
    site = opened(tmp_path, folder)
    (draft,) = list_drafts(site, site.system_context())
    version = next(p.version for p in site.registry.packs if p.name == "plant")
    site.close()
    assert [(f.pack, f.file, f.kind) for f in draft.files] == [("plant", "pack.yaml", "changed")]
    assert (draft.row.origin, draft.row.authors, version) == ("disk", [], "1.0")


@pytest.mark.heavy
def test_a_pending_upgrade_goes_when_the_disk_is_put_back(tmp_path):
    folder = a_site_folder(tmp_path / "plant")
    opened(tmp_path, folder).close()
    a_site_folder(folder, "2.0")
    opened(tmp_path, folder).close()
    a_site_folder(folder, "1.0")
    site = opened(tmp_path, folder)
    open_ones, given_up = (
        list_drafts(site, site.system_context(), state=s) for s in ("open", "discarded")
    )
    site.close()
    assert (open_ones, len(given_up), pending_files(site)) == ((), 1, ())


@pytest.mark.heavy
def test_a_pack_broken_on_disk_leaves_the_published_one_serving(tmp_path):
    folder = a_site_folder(tmp_path / "plant")
    opened(tmp_path, folder).close()
    (folder / "rules.yaml").write_text("rules:\n  - {id: X, chekc: 1}\n", "utf-8")
    site = opened(tmp_path, folder)
    state = {p.name: p.is_broken for p in site.registry.packs}
    site.close()
    assert state == {"base": False, "food": False, "plant": False}


@pytest.mark.heavy
def test_a_folder_that_is_gone_leaves_the_published_site_serving(tmp_path):
    folder = a_site_folder(tmp_path / "plant")
    opened(tmp_path, folder).close()
    shutil.rmtree(folder)
    site = opened(tmp_path)
    names = [p.name for p in site.registry.packs]
    site.close()
    assert (names, pending_files(site)) == (["base", "food", "plant"], ())


@pytest.fixture(scope="module")
def published_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    opened(folder).close()
    return folder / "plant.db"


@pytest.mark.parametrize("table", ["config_version", "config_text", "definition_version"])
def test_what_was_published_cannot_be_changed(published_file, table):
    column = {"config_version": "title", "config_text": "content"}.get(table, "body")
    engine = create_engine(f"sqlite:///{published_file}")
    for statement in (f"UPDATE {table} SET {column} = '1'", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()


class Strict:
    """A pack of Python that refuses every release."""

    @hookimpl
    def judge_release(self, lot: LotFacts) -> list[Refusal]:
        return [Refusal("MY-1", f"{lot.lot_no} is refused by our own judgement")]


def a_python_pack(tmp_path: Path) -> Registry:
    folder = a_site_folder(tmp_path / "plant")
    (folder / "pack.yaml").write_text(
        SITE.format(version="1").replace("layer: site\npacks: [food]\n", ""), "utf-8"
    )
    plugins = {"base": FolderPack(*base_folders()), "plant": (FolderPack(folder), Strict())}
    return load_packs(plugins).get_registry()


def _judged(registry: Registry) -> list[str]:
    return [r.code for r in registry.hooks.judge_release(LotFacts("1", "L-1", "MILK"))]


def test_python_that_nobody_published_refuses_instead_of_deciding(tmp_path, monkeypatch):
    registry = a_python_pack(tmp_path)
    configuration = configuration_of(registry)
    monkeypatch.setattr(stored, "find_installed", lambda: {"plant": Strict})
    published = compile_configuration(configuration).get_registry()
    pack = configuration.find("plant")
    assert pack is not None
    other = configuration.with_pack(PackTexts("plant", "1", "industry", "", "0" * 64, pack.files))
    changed = compile_configuration(other).get_registry()
    monkeypatch.setattr(stored, "find_installed", dict)
    gone = compile_configuration(configuration).get_registry()
    digests = [r.hooks.digests["plant"] for r in (registry, published, changed, gone)]
    assert digests == [pack.code, pack.code, "", ""]
    assert pack.code == code_digest(Strict())
    assert [_judged(r) for r in (registry, published, changed, gone)] == [
        ["MY-1"],
        ["MY-1"],
        ["QT906"],
        ["QT906"],
    ]


def test_a_pack_of_yaml_has_no_digest(tmp_path):
    assert code_digest(FolderPack(a_site_folder(tmp_path / "plant"))) == ""
    assert code_digest(StoredPack(FolderPack(tmp_path / "plant").content)) == ""


def test_changed_files_name_packs_that_come_and_go(configuration):
    less = configuration.without("food")
    assert {c.kind for c in changed_files(configuration, less)} == {"removed"}
    assert {c.pack for c in changed_files(less, configuration)} == {"food"}


def test_installed_packs_are_read_as_the_registry_has_them(configuration):
    assert changed_files(configuration, stored.read_disk(None, configuration)) == ()
    assert configuration_of(load_registry().get_registry()).sha256 == configuration.sha256

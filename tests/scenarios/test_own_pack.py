"""A broken folder of the site itself is not published: its roles and limits would be left out."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.errors import DefinitionsRejected
from qtcore.services.definitions import publish_registry
from qtcore.services.site import open_site, require_own_pack

HEAD = (
    "pack: plant\nversion: 1.0.0\nrequires_qtcore: '>=0.1,<1'\nlayer: site\npacks: [food]\n"
    "languages: [en]\ntitle: {en: Plant}\n"
)
BROKEN = {
    "a file beside it": {"pack.yaml": HEAD, "roles.yaml": "roles:\n  - idd: clerk\n"},
    "its head": {"pack.yaml": HEAD + "bogus: 1\n"},
    "no YAML": {"pack.yaml": "pack: [plant\n"},
}


def folder_of(place: Path, files: dict[str, str]) -> Path:
    place.mkdir(exist_ok=True)
    for name, text in files.items():
        (place / name).write_text(text, "utf-8")
    return place


@pytest.mark.parametrize("files", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_folder_of_its_own_stops_a_new_site(tmp_path: Path, files: dict[str, str]) -> None:
    folder = folder_of(tmp_path / "site", files)
    site = open_site("sqlite://", site_dir=folder, create=True)
    try:
        # Without the question it would serve, the packs of the product alone.
        assert all(pack.is_broken for pack in site.registry.packs if pack.layer == "site")
        with pytest.raises(DefinitionsRejected, match="roles and limits would be left out"):
            require_own_pack(site, folder)
        require_own_pack(site, None)
    finally:
        site.close()


@pytest.mark.parametrize("command", [["serve"], ["serve", "--dev"], ["db", "upgrade"]])
def test_no_command_publishes_a_broken_folder(tmp_path: Path, command: list[str]) -> None:
    folder = folder_of(tmp_path / "site", BROKEN["a file beside it"])
    where = ["--site", str(folder), "--db", f"sqlite:///{tmp_path / 'plant.db'}"]
    found = CliRunner().invoke(app, [*command, *where])
    assert found.exit_code == 1
    told = " ".join(found.output.split())
    assert f"qtcore check {folder}" in told
    assert told.count("roles.yaml:2:5") == 2, "each of two problems once, with its place"
    assert "QTCore serves at" not in told
    folder_of(folder, {"roles.yaml": "roles: []\n"})
    mended = CliRunner().invoke(app, ["db", "upgrade", "--json", *where])
    assert json.loads(mended.output)["definitions_published"], "nothing was published before"


def test_what_was_published_serves_whatever_lies_on_the_disk(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "site", {"pack.yaml": HEAD})
    url = f"sqlite:///{tmp_path / 'plant.db'}"
    site = open_site(url, site_dir=folder, create=True)
    require_own_pack(site, folder)
    publish_registry(site, site.system_context())
    site.close()
    folder_of(folder, BROKEN["its head"])
    again = open_site(url, site_dir=folder)
    require_own_pack(again, folder)
    served = {pack.name: pack.is_broken for pack in again.registry.packs}
    again.close()
    assert served["plant"] is False, "as it was published"

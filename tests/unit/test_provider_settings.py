"""The file that names identity providers: what it takes, and what it says of a mistake."""

from pathlib import Path

import pytest

from qtcore.errors import StoreUnavailable
from qtcore.store.providers import PROVIDERS_FILE, read_providers

ENTRY = """
[[provider]]
id = "company"
title = "Company account"
issuer = "https://login.example.com/plant"
client_id = "qtcore"
"""


def written(folder: Path, text: str) -> Path:
    (folder / PROVIDERS_FILE).write_text(text, encoding="utf-8")
    return folder


def test_without_the_file_there_is_no_provider(tmp_path):
    assert read_providers(tmp_path) == ()


def test_the_secret_comes_from_its_file_or_the_environment_and_is_never_shown(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("QTCORE_OIDC_SECRET_COMPANY", "from outside")
    assert read_providers(written(tmp_path, ENTRY))[0].secret == "from outside"
    secret = tmp_path / "company.secret"
    secret.write_text("of a file\n", encoding="utf-8")
    written(tmp_path, ENTRY + 'secret_file = "company.secret"\n')
    secret.chmod(0o644)
    with pytest.raises(StoreUnavailable, match="chmod 400"):
        read_providers(tmp_path)
    secret.chmod(0o400)
    found = read_providers(tmp_path)[0]
    assert found.secret == "of a file"
    assert "of a file" not in repr(found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('id = "company"', 'id = "Company!"'), "is not of a-z"),
        (("https://login.example.com/plant", "http://login.example.com"), "no https address"),
        (('client_id = "qtcore"', ""), "needed are client_id"),
        (("", 'issuer_url = "x"\n'), "issuer_url"),
        (("", 'algorithms = ["none"]\n'), "algorithms"),
        (("", 'algorithms = ["HS256"]\n'), "algorithms"),
        (("", "algorithms = []\n"), "algorithms"),
        (("", "skew_seconds = 301\n"), "0 to 300"),
        (("", "skew_seconds = true\n"), "0 to 300"),
        (("", 'scopes = "profile"\n'), "lack openid"),
        (("", 'private = "yes"\n'), "neither true nor false"),
        (("", 'secret_file = "missing"\n'), "missing"),
        (("", "[provider.roles]\nqa = 'qa'\n"), "no list of roles"),
        (("", ENTRY), "the same id"),
        (("", "[[idp]]\n"), r"only \[\[provider\]\]"),
        (("", "="), "cannot be used"),
    ],
)
def test_a_mistake_is_named(tmp_path, change, said):
    old, new = change
    text = ENTRY.replace(old, new) if old else ENTRY + new
    with pytest.raises(StoreUnavailable, match=said):
        read_providers(written(tmp_path, text))


def test_a_provider_on_this_machine_may_speak_plainly_and_stand_in_our_network(tmp_path):
    local = ENTRY.replace("https://login.example.com/plant", "http://127.0.0.1:8080/realms/plant")
    assert read_providers(written(tmp_path, local))[0].is_private
    assert not read_providers(written(tmp_path, ENTRY))[0].is_private
    assert read_providers(written(tmp_path, ENTRY + "private = true\n"))[0].is_private

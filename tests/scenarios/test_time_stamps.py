"""Time stamps (RFC 3161) of a local OpenSSL authority: asked for, checked, handed out, verified."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import load_pem_x509_certificates

from qtcore.offline import qtcore_verify
from qtcore.services.audit import seal
from qtcore.services.proving import export_history
from qtcore.services.site import Site
from qtcore.services.stamping import (
    StampRefused,
    check_stamp,
    list_stamps,
    stamp_newest,
    stamp_when_due,
)
from qtcore.store.outposts import Outposts, StampAuthority
from qtcore.testing import a_site
from tests.attackers import note
from tests.outposts import Authority, a_running_authority

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StampAuthority]:
    with a_running_authority(tmp_path_factory.mktemp("tsa") / "authority") as made:
        yield made


@pytest.fixture(scope="module")
def site(authority: StampAuthority) -> Iterator[Site]:
    with a_site(packs=["food"]) as made:
        note(made, "lot-1")
        seal(made)
        stamped = replace(made, outposts=Outposts(authorities=(authority,)))
        assert stamp_when_due(stamped) == 1
        yield stamped


def test_a_state_is_stamped_once_a_day(site: Site, authority: StampAuthority) -> None:
    assert stamp_when_due(site) == 0
    assert stamp_newest(site, authority) is None  # this state has its stamp


def judge(site: Site, certificate: Path, bend=lambda document: None) -> qtcore_verify.Verdict:
    document = export_history(site, site.system_context()).as_json()
    bend(document)
    file = qtcore_verify.read_file(json.dumps(document).encode())
    keys = [qtcore_verify.read_key(site.signer.key.vkey)]
    certificates = load_pem_x509_certificates(certificate.read_bytes())
    return qtcore_verify.judge(file, qtcore_verify.Trust(keys, authorities=certificates))


def test_a_stamp_is_verified_without_the_product(site: Site, authority: StampAuthority) -> None:
    verdict = judge(site, authority.certificate)
    assert verdict.fails == 0, verdict.lines
    assert any("existed at" in line for line in verdict.lines)


def test_the_stamp_of_somebody_else_or_of_another_state_does_not_hold(
    site: Site, authority: StampAuthority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    lines = judge(site, other.folder / "tsa.pem").lines
    assert any("BAD_STAMP" in line for line in lines)

    def bend(document: dict[str, Any]) -> None:
        document["stamps"][0]["size"] += 1

    assert any(
        "another checkpoint" in line for line in judge(site, authority.certificate, bend).lines
    )

    def drop(document: dict[str, Any]) -> None:
        document["stamps"] = []

    assert any("NOT_STAMPED" in line for line in judge(site, authority.certificate, drop).lines)


def test_no_bent_stamp_holds(site: Site, authority: StampAuthority) -> None:
    size = export_history(site, site.system_context()).newest.size
    with site.store.read() as session:
        (stamp,) = list_stamps(session, site.store.tenant_id, {size})
    token = base64.b64decode(stamp["token"])
    content = (
        export_history(site, site.system_context()).newest.note.rpartition("\n\n")[0] + "\n"
    ).encode()
    trusted = load_pem_x509_certificates(authority.certificate.read_bytes())
    assert qtcore_verify.stamped_at(token, content, trusted) == check_stamp(token, content, trusted)
    for at in range(0, len(token), 7):
        bent = token[:at] + bytes([token[at] ^ 4]) + token[at + 1 :]
        try:
            time = qtcore_verify.stamped_at(bent, content, trusted)
        except qtcore_verify.ProofError:
            continue
        # What is not signed, such as the lengths of an unused part, may differ; the time may not.
        assert time == qtcore_verify.stamped_at(token, content, trusted)
    for cut in (0, 1, 10, len(token) // 2, len(token) - 1):
        with pytest.raises(qtcore_verify.ProofError):
            qtcore_verify.stamped_at(token[:cut], content, trusted)
    with pytest.raises(StampRefused):
        check_stamp(token, content + b"x", trusted)

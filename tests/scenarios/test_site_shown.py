"""What a site prints as says which it is, and nothing of what it holds."""

from qtcore.testing import a_site


def test_a_site_prints_neither_its_files_nor_its_keys() -> None:
    with a_site() as site:
        shown = repr(site)
        assert len(shown) < 200
        assert site.registry.fingerprint in shown
        assert f"version={site.version}" in shown

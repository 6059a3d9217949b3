import pytest

from qtcore.http.addresses import client_address

CASES = {
    "no proxy, nothing claimed": ("10.0.0.9", [], 0, "10.0.0.9"),
    "no proxy, a forged header": ("10.0.0.9", ["1.2.3.4"], 0, "10.0.0.9"),
    "one proxy": ("10.0.0.9", ["203.0.113.7"], 1, "203.0.113.7"),
    "one proxy, a forged hop before it": ("10.0.0.9", ["1.1.1.1, 203.0.113.7"], 1, "203.0.113.7"),
    "two proxies": ("10.0.0.9", ["6.6.6.6, 203.0.113.7, 10.0.0.8"], 2, "203.0.113.7"),
    "headers in two lines": ("10.0.0.9", ["6.6.6.6", "203.0.113.7"], 1, "203.0.113.7"),
    "fewer hops than proxies": ("10.0.0.9", ["203.0.113.7"], 3, "203.0.113.7"),
    "proxy that tells nothing": ("10.0.0.9", [], 1, "10.0.0.9"),
    "no address": ("10.0.0.9", ["<script>"], 1, "10.0.0.9"),
    "empty hop": ("10.0.0.9", ["203.0.113.7, "], 1, "10.0.0.9"),
    "IPv6": ("::1", ["2001:db8::7"], 1, "2001:db8::7"),
}


@pytest.mark.parametrize(("peer", "forwarded", "proxies", "client"), CASES.values(), ids=CASES)
def test_only_the_configured_proxies_are_believed(peer, forwarded, proxies, client) -> None:
    assert client_address(peer, forwarded, proxies) == client

"""What a strict policy would stop in a page is found."""

import pytest

from tests.markup import inline_in


@pytest.mark.parametrize(
    "part",
    ["<script>a()</script>", "<p style='color:red'>", "<a onclick=a()>",
     "<a href=' JavaScript:a()'>", "<script src='https://evil.example/a.js'></script>",
     "<style>p{}</style>",
     "<base href='//x'>",
     "<link rel=stylesheet href='//evil.example/a.css'>", "<iframe src='/'></iframe>"],
)  # fmt: skip
def test_what_the_policy_would_stop_is_seen(part: str):
    """The control: a page with any of these is found."""
    page = f'<html><script src="/static/page.js"></script><body>{part}</body></html>'
    assert len(inline_in(page)) == 1

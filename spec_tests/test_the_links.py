"""The document's links, for runs that may use a network: `pytest spec_tests --network`."""

from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

pytestmark = pytest.mark.tooling

SECONDS = 30
"""How long an answer may take."""


def answer(url):
    """Return the address that a link leads to in the end, and the text that stands there."""
    request = Request(url, headers={"User-Agent": "Mozilla/5.0 (torch-by-hand specification)"})
    with urlopen(request, timeout=SECONDS) as page:
        return page.url, page.read().decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("url", "host", "words"),
    [
        pytest.param(
            "https://docs.pytorch.org/vision/stable/index.html",
            "docs.pytorch.org",
            "torchvision",
            marks=pytest.mark.claim("1.b"),
            id="torchvision",
        ),
        pytest.param(
            "https://docs.pytorch.org/docs/stable/nn.html",
            "docs.pytorch.org",
            "non-linear-activations-weighted-sum-nonlinearity",
            marks=pytest.mark.claim("2.3.c"),
            id="non-linear layers",
        ),
        pytest.param(
            "https://www.zhihu.com/tardis/zm/art/35709485?source_id=1003",
            "www.zhihu.com",
            "",
            marks=pytest.mark.claim("2.6.3.v"),
            id="an article on cross entropy",
        ),
        pytest.param(
            "https://pytorch.org/vision/stable/models.html",
            "docs.pytorch.org",
            "torchvision.models",
            marks=pytest.mark.claim("2.8.ao"),
            id="torchvision's models",
        ),
    ],
)
@pytest.mark.usefixtures("internet")
def test_a_link_of_the_document_leads_to_a_page_on_its_subject(url, host, words):
    address, text = answer(url)

    assert urlsplit(address).hostname == host
    assert words in text

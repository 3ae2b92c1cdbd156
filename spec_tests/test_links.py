"""The document's links, followed: `pytest spec_tests --network`. No other test reaches for a network.

Where there is none, or a site answers programs otherwise than readers, the test is skipped and says so.
"""

from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

pytestmark = [pytest.mark.torch_api, pytest.mark.network]

PATIENCE = 30
"""Seconds."""

TO_PROGRAMS_ONLY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
"""How a site answers that refuses programs; a page that does not exist is another matter."""

LINKS = [
    pytest.param(
        "https://docs.pytorch.org/vision/stable/index.html", "torchvision", marks=pytest.mark.claim("1.b"), id="1.b"
    ),
    pytest.param(
        "https://docs.pytorch.org/docs/stable/nn.html",
        'id="non-linear-activations-weighted-sum-nonlinearity"',  # where the link leads to in the page
        marks=pytest.mark.claim("2.3.c"),
        id="2.3.c",
    ),
    pytest.param(
        "https://www.zhihu.com/tardis/zm/art/35709485?source_id=1003",
        "交叉熵",
        marks=pytest.mark.claim("2.6.3.v"),
        id="2.6.3.v",
    ),
    pytest.param(
        "https://pytorch.org/vision/stable/models.html",
        "torchvision.models",
        marks=pytest.mark.claim("2.8.ao"),
        id="2.8.ao",
    ),
]


@pytest.mark.parametrize(("address", "words"), LINKS)
def test_the_link_leads_to_a_page_with_these_words(address, words):
    assert words in page_at(address)


def page_at(address):
    """Return the text of the page at an address, wherever that leads on to."""
    request = Request(address, headers={"User-Agent": "torch-by-hand"})
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            return answer.read().decode("utf-8")
    except HTTPError as error:
        if error.code in TO_PROGRAMS_ONLY:
            pytest.skip(f"{error.url} refuses programs: {error.code} {error.reason}")
        raise
    except (URLError, TimeoutError) as error:
        pytest.skip(f"there is no network here, or not as far as {address}: {error}")

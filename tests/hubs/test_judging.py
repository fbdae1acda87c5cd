"""Where a link leads: looked at as a text where that is enough, and never otherwise than the library reads it."""

from __future__ import annotations

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.hubs.judging import next_address, origin

ASKED = "http://hub.example:8080/api/models?sort=createdAt&limit=1000"
PATH = ASKED.partition("?")[0]
HOME = origin(ASKED)

queries = st.text(st.sampled_from("aZ9=&-._~%2FfeE+[]{}\\/?#@: \t\n\u00e9"), max_size=12)
beginnings = st.sampled_from([PATH + "?", PATH, PATH + "/", "?", "http://hub.example:8080@other/?", "//other/?", ""])


@given(beginnings, queries)
def test_a_link_leads_where_the_library_reads_it_to_lead(beginning: str, query: str) -> None:
    link = beginning + query
    try:
        read = httpx2.URL(ASKED).join(link).copy_with(fragment=None)
    except httpx2.InvalidURL:
        read = None
    if read is not None and str(read) != ASKED and (read.scheme, read.host, read.port) == HOME and not read.userinfo:
        assert next_address(link, ASKED, HOME) == str(read)
    else:
        with pytest.raises(ValueError, match=r"it |address"):
            next_address(link, ASKED, HOME)


def test_a_link_from_an_address_elsewhere_is_refused() -> None:
    elsewhere = "http://other.example/api/models?a=1"
    with pytest.raises(ValueError, match="another origin"):
        next_address(elsewhere + "2", elsewhere, HOME)

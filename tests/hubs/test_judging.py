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


schemes = st.sampled_from(["http", "https", "ftp", "HTTP", ""])
hosts = st.one_of(
    st.sampled_from(["127.0.0.1", "127.0.0.999", "127.1", "xn--bcher-kva.example", "[::1]", "a_b", "Hub.example", ""]),
    st.text(st.sampled_from("az09.-@:%"), max_size=6),
)
ports = st.sampled_from(["", ":", ":0", ":80", ":443", ":8080", ":059", ":59999", ":60000", ":65536", ":99999", ":x"])
ends = st.sampled_from(["", "/", "?", "#", "/@", "/a?b=%2F", "/\\@other", "\\", "@other/", "/\n", "/é"])


@given(schemes, hosts, ports, ends)
def test_where_an_address_lies_is_read_as_the_library_reads_it(scheme: str, host: str, port: str, end: str) -> None:
    address = f"{scheme}://{host}{port}{end}"
    try:
        read = httpx2.URL(address)
    except httpx2.InvalidURL:
        read = None
    if read is not None and read.scheme in ("http", "https") and read.host and not read.userinfo:
        assert origin(address) == (read.scheme, read.host, read.port or {"http": 80, "https": 443}[read.scheme])
    else:
        with pytest.raises(ValueError, match="not an"):
            origin(address)


def test_a_link_from_an_address_elsewhere_is_refused() -> None:
    elsewhere = "http://other.example/api/models?a=1"
    with pytest.raises(ValueError, match="another origin"):
        next_address(elsewhere + "2", elsewhere, HOME)

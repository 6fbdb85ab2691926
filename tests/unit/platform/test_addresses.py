"""Which addresses of settings a request may go to: what could never be reached stops the start, and not each order."""

import pytest

from keyrail.platform.addresses import is_base


@pytest.mark.parametrize(
    "url",
    [
        "https://house.example",
        "https://house.example/shop",
        "https://House.Example:8443/shop/",
        "https://house_1.example.",
        "https://xn--fsqu00a.example",
        "https://10.0.0.1",
        "https://[2001:db8::1]/shop",
        "http://127.0.0.1:8080/shop",
        "http://[::1]:8080",
        "http://localhost",
        "https://house.example/支付",
    ],
)
def test_an_interface_may_lie_there(url: str) -> None:
    assert is_base(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        " https://house.example",
        "http://house.example",
        "http://10.0.0.1",
        "http://localhost.house.example",
        "ftp://house.example",
        "https://user@house.example",
        "https://user:secret@house.example",
        "https://house.example?a=1",
        "https://house.example#a",
        "https://house.example:0",
        "https://house.example:99999",
        "https://例子.example",
        "https://ⓔxample.example",
        "https://house..example",
        "https://house.example\\.other.example",
        "https://ho|use.example",
        "https://-house.example",
        "https://" + "a" * 64 + ".example",
        "https://" + "a." * 127 + "example",
        "https://[fe80::1%25eth0]",
        "https://house.example/a b",
        "https://house.example/\n",
        "https://",
        None,
        7,
    ],
)
def test_no_interface_can_lie_there(url: object) -> None:
    assert not is_base(url)

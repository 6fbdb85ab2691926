"""WeChat Pay on the loopback."""

from collections.abc import Iterator

import pytest

from tests.provider_server import serving
from tests.wechat_server import Wechat


@pytest.fixture
def wechat() -> Iterator[Wechat]:
    with serving() as server:
        there = Wechat(server)
        server.answer = there.answer
        yield there

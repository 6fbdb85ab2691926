"""Whether AWS's own DynamoDB Local gives its opinion in this run: one line that says why not, instead of a hundred."""

import pytest

from tests.engines import Engine, why_no_dynamodb_local
from tests.integration.conftest import DYNAMODB_LOCAL


@pytest.mark.skipif(why_no_dynamodb_local() is not None, reason=why_no_dynamodb_local() or "")
@pytest.mark.parametrize("engine", [DYNAMODB_LOCAL], indirect=True)
def test_the_races_run_on_dynamodb_local_too(engine: Engine) -> None:
    assert isinstance(engine.dynamodb().list_tables()["TableNames"], list)

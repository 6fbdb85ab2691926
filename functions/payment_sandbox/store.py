"""The `sandbox` table: one item a decided payment, with its refunds. It is the provider's, and no context's of ours."""

from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from functions.payment_sandbox.trades import Trade
from keyrail.platform.documents import from_attributes
from keyrail.platform.dynamo import ConditionFailed, IntegerAttribute, Table

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PAGE = 40


class TradeItem(Model):
    trade_id = UnicodeAttribute(hash_key=True)
    version = IntegerAttribute()


class TradeStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._table = Table(client, table_name)

    def find(self, trade_id: str) -> Trade | None:
        attributes = self._table.get(trade_id=trade_id)
        return from_attributes(Trade, attributes) if attributes else None

    def add(self, trade: Trade) -> Trade:
        """What stands there then: `trade`, or what somebody was faster with."""
        return self._table.put_first(trade, TradeItem.trade_id.does_not_exist()) or trade

    def replace(self, standing: Trade, trade: Trade) -> bool:
        """False if `standing` is no longer what stands there."""
        try:
            self._table.send(self._table.put(trade, TradeItem.version == standing.version))
        except ConditionFailed:
            return False
        return True

    def page(self, after: str | None) -> tuple[list[Trade], str | None]:
        """Some of all trades, and where to go on. What is 40 days old is gone, so that all are never many."""
        start = {"trade_id": {"S": after}} if after else None
        page = self._table.scan(limit=PAGE, start=start)
        last = page.last_key["trade_id"]["S"] if page.last_key else None
        return [from_attributes(Trade, item) for item in page.items], last

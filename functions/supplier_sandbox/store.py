"""The `house` table: one item an order. It is the supplier's, and no context's of ours."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from functions.supplier_sandbox.sales import Sale
from keyrail.platform.documents import from_attributes
from keyrail.platform.dynamo import ConditionFailed, IntegerAttribute, Table

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PAGE = 100


class SaleItem(Model):
    sale_id = UnicodeAttribute(hash_key=True)
    version = IntegerAttribute()


class SaleStore:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._table = Table(client, table_name)

    def find(self, sale_id: str) -> Sale | None:
        attributes = self._table.get(sale_id=sale_id)
        return from_attributes(Sale, attributes) if attributes else None

    def add(self, sale: Sale) -> Sale | None:
        """None if it is in now, else what somebody was faster with."""
        return self._table.put_first(sale, SaleItem.sale_id.does_not_exist())

    def replace(self, standing: Sale, sale: Sale) -> bool:
        """False if `standing` is no longer what stands there."""
        try:
            self._table.send(self._table.put(sale, SaleItem.version == standing.version))
        except ConditionFailed:
            return False
        return True

    def page(self, after: str | None) -> tuple[list[Sale], str | None]:
        """Some of all sales, and where to go on. What is 40 days old is gone, so that all are never many."""
        start = {"sale_id": {"S": after}} if after else None
        page = self._table.scan(limit=PAGE, start=start)
        last = page.last_key["sale_id"]["S"] if page.last_key else None
        return [from_attributes(Sale, item) for item in page.items], last

    def all(self) -> Iterator[Sale]:
        sales, last = self.page(None)
        yield from sales
        while last:
            sales, last = self.page(last)
            yield from sales

"""keyrail on a real engine, without the functions and the stack around it: for races, faults and counts.

Every world has tables of its own. Its clock is the system's, plus what a test adds.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from keyrail.catalog.model import Product, Sku
from keyrail.catalog.service import Catalog
from keyrail.catalog.store import CatalogStore
from keyrail.fulfilment.model import Settled
from keyrail.fulfilment.service.after_sales import AfterSales
from keyrail.fulfilment.service.delivery import Delivery
from keyrail.fulfilment.service.disputes import Disputes, Freezing
from keyrail.fulfilment.service.inquiries import Inquiries
from keyrail.fulfilment.service.issuance import Issuance
from keyrail.fulfilment.service.keys_for_units import KeysForUnits
from keyrail.fulfilment.service.paying import Paying
from keyrail.fulfilment.service.payment_desk import PaymentDesk
from keyrail.fulfilment.service.recharging import Recharging
from keyrail.fulfilment.service.refund_desk import RefundDesk
from keyrail.fulfilment.service.refunds import Refunds
from keyrail.fulfilment.service.settlement import Settlement
from keyrail.fulfilment.service.tracing import Tracing
from keyrail.fulfilment.service.unit_refunds import UnitRefunds
from keyrail.fulfilment.service.work_desk import WorkDesk
from keyrail.fulfilment.service.work_watch import WorkWatch
from keyrail.inventory.model.batches import RUN_IS_OVER_MS, Batch
from keyrail.inventory.model.keys import Key, KeyState
from keyrail.inventory.service.batches import Batches, NewBatch
from keyrail.inventory.service.card_intake import CardIntake
from keyrail.inventory.service.claims import Claims
from keyrail.inventory.service.commands import BatchCommands
from keyrail.inventory.service.counting import Counting
from keyrail.inventory.service.faulty_keys import FaultyKeys
from keyrail.inventory.service.figures import StockFigures
from keyrail.inventory.service.following import Followers, Progress
from keyrail.inventory.service.importing import Importing
from keyrail.inventory.service.lookup import KeyLookup
from keyrail.inventory.service.redeemable_keys import RedeemableKeys
from keyrail.inventory.service.shelf_watch import ShelfWatch
from keyrail.inventory.service.sold_keys import SoldKeys
from keyrail.inventory.service.sources import SourceReports
from keyrail.inventory.service.withdrawals import Withdrawals
from keyrail.inventory.store.batches import BatchStore
from keyrail.inventory.store.figures import FigureStore
from keyrail.inventory.store.imports import ImportStore
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.sources import SourceStore
from keyrail.inventory.store.uses import UseStore
from keyrail.ledger.service import Books
from keyrail.ledger.store import AccountStore
from keyrail.ordering.model.orders import Contact, Line, Order
from keyrail.ordering.service.checkout import Checkout, Placed, Wanted, WayToPay
from keyrail.ordering.service.orders import Orders
from keyrail.ordering.service.questions import DueQuestions
from keyrail.ordering.service.supply import Supply
from keyrail.ordering.store import OrderStore
from keyrail.payments.model.attempts import PaymentAttempt
from keyrail.payments.model.confirmations import Confirmation
from keyrail.payments.model.refund_limits import RefundLimit, RefundLimits
from keyrail.payments.service.accounts import Callback, PaymentAccounts, payment_accounts
from keyrail.payments.service.desk import Desk
from keyrail.payments.service.refund_limits import GivenToday
from keyrail.payments.store import PaymentStore
from keyrail.platform.audit import AuditTrail
from keyrail.platform.audit_writing import AuditChain
from keyrail.platform.changes import Origin, stamp
from keyrail.platform.clock import system_now_ms
from keyrail.platform.documents import from_attributes
from keyrail.platform.money import Money
from keyrail.reconciliation.service.comparing import Comparing
from keyrail.reconciliation.service.counterparts import Counterparts
from keyrail.reconciliation.service.desk import ReconciliationDesk
from keyrail.reconciliation.store import ReconciliationStore
from keyrail.redemption.service import Redemption
from keyrail.risk.service import Allowances, Guards, News, Rounds
from keyrail.risk.store import GuardStore
from keyrail.suppliers.service.accounts import SupplierAccounts
from keyrail.suppliers.service.purchases import PurchaseRecords
from keyrail.suppliers.service.routing import Routing
from keyrail.suppliers.store import SuppliersStore
from keyrail.suppliers.supply_store import SupplyStore
from keyrail.vault.providers.kms import KmsKeyWrapper
from keyrail.vault.service.sealing import Opener
from tests.files import FilesInMemory, UploadInMemory
from tests.supplier import Wholesaler
from tests.tables import TABLES, create_table

BUYER = Origin("buyer", "198.51.100.7")
OPERATOR = Origin("operator:test", "192.0.2.1", "test")
PROVIDER = Origin("provider:epay/main", "203.0.113.9")
SYSTEM = Origin("system:test", "test")
SKU = "game-100"
SLICE_MS = 60_000
PRICE = Money(990, "CNY")
CHAIN_SECRET = "c" * 64
REFUND_LIMITS = RefundLimits({"CNY": RefundLimit(payment_minor=100_000, day_minor=1_000_000)})
BUSINESS_TIME_ZONE = "Asia/Shanghai"


@dataclass
class World:
    """`dynamodb` and `kms` are botocore clients of the engine under test. A `streamed` one's changes can be read."""

    dynamodb: Any
    kms: Any
    ahead_ms: int = 0
    epay_key: str = field(default_factory=lambda: secrets.token_hex(16))
    names: dict[str, str] = field(default_factory=dict)
    files: FilesInMemory = field(default_factory=FilesInMemory)
    streamed: bool = False
    refund_limits: RefundLimits = REFUND_LIMITS
    wholesalers: dict[str, Wholesaler] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.names:
            prefix = f"w{secrets.token_hex(5)}"
            self.names = {kind: f"{prefix}-{kind}" for kind in TABLES}
            for kind, name in self.names.items():
                create_table(self.dynamodb, kind, name, streamed=self.streamed)
            self.vault_key = self.kms.create_key()["KeyMetadata"]["Arn"]
            self.fingerprint_key = self.kms.create_key()["KeyMetadata"]["Arn"]

    def now_ms(self) -> int:
        return system_now_ms() + self.ahead_ms

    def another_process(self, dynamodb: Any = None, kms: Any = None) -> "World":
        """The same tables and keys, seen by a process that remembers nothing."""
        other = World(dynamodb or self.dynamodb, kms or self.kms, self.ahead_ms, self.epay_key, self.names, self.files)
        other.refund_limits, other.wholesalers = self.refund_limits, self.wholesalers
        other.vault_key, other.fingerprint_key = self.vault_key, self.fingerprint_key
        return other

    # the use cases, wired as the functions wire them

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog(CatalogStore(self.dynamodb, self.names["catalog"]), self.now_ms)

    @cached_property
    def keys(self) -> KeyStore:
        return KeyStore(self.dynamodb, self.names["keys"])

    @cached_property
    def claims(self) -> Claims:
        return Claims(self.keys, self.now_ms)

    @cached_property
    def orders(self) -> Orders:
        return Orders(OrderStore(self.dynamodb, self.names["orders"]))

    @cached_property
    def accounts(self) -> PaymentAccounts:
        epay = {"pid": "1001", "key": self.epay_key, "gateway_url": "https://pay.example"}
        return payment_accounts(json.dumps({"epay": {"main": epay, "second": {**epay, "pid": "1002"}}}))

    @cached_property
    def checkout(self) -> Checkout:
        return Checkout(
            self.orders,
            self.catalog,
            self.claims,
            self.supply,
            self.accounts,
            "t" * 64,
            "https://api.example",
            self.now_ms,
        )

    @cached_property
    def supply(self) -> Supply:
        return Supply(self.routing, self.claims, self.now_ms)

    @cached_property
    def desk(self) -> Desk:
        return Desk(PaymentStore(self.dynamodb, self.names["payments"]), self.now_ms)

    @cached_property
    def issuance(self) -> Issuance:
        return Issuance(self.orders, self.claims, self.dynamodb, self.now_ms)

    @cached_property
    def settlement(self) -> Settlement:
        return Settlement(self.orders, self.claims, self.accounts, self.desk, self.issuance, self.dynamodb, self.now_ms)

    @cached_property
    def inquiries(self) -> Inquiries:
        return Inquiries(self.orders, self.accounts, self.settlement)

    @cached_property
    def due_questions(self) -> DueQuestions:
        return DueQuestions(self.orders, Rounds(GuardStore(self.dynamodb, self.names["guards"])), self.now_ms)

    @cached_property
    def delivery(self) -> Delivery:
        opener = Opener(KmsKeyWrapper(self.kms, self.vault_key), self.now_ms)
        return Delivery(self.orders, SoldKeys(self.keys, self.now_ms), opener)

    @cached_property
    def after_sales(self) -> AfterSales:
        faulty = FaultyKeys(self.keys, self.now_ms)
        return AfterSales(self.orders, KeyLookup(self.keys), self.claims, faulty, self.dynamodb, self.now_ms)

    @cached_property
    def tracing(self) -> Tracing:
        return Tracing(self.orders, KeyLookup(self.keys), self.audit)

    @cached_property
    def sources(self) -> SourceReports:
        return SourceReports(SourceStore(self.keys), self.figures)

    @cached_property
    def guards(self) -> Guards:
        return Guards(GuardStore(self.dynamodb, self.names["guards"]), self.now_ms)

    @cached_property
    def redemption(self) -> Redemption:
        wrapper = KmsKeyWrapper(self.kms, self.fingerprint_key)
        uses = UseStore(self.dynamodb, self.names["keys"])
        keys = RedeemableKeys(self.keys, uses, wrapper, self.now_ms)
        return Redemption(keys, self.catalog, self.guards, ZoneInfo(BUSINESS_TIME_ZONE), self.now_ms)

    @cached_property
    def batches(self) -> Batches:
        return Batches(self.keys, self.catalog, KmsKeyWrapper(self.kms, self.fingerprint_key), self.now_ms)

    @cached_property
    def commands(self) -> BatchCommands:
        return BatchCommands(BatchStore(self.keys), self.now_ms)

    @cached_property
    def followers(self) -> Followers:
        return Followers(BatchStore(self.keys), self.now_ms)

    @cached_property
    def refund_desk(self) -> RefundDesk:
        return RefundDesk(self.orders, self.desk, self.now_ms)

    @cached_property
    def paying(self) -> Paying:
        return Paying(self.orders, self.claims, self.issuance, self.dynamodb, self.now_ms)

    @cached_property
    def payment_desk(self) -> PaymentDesk:
        return PaymentDesk(self.orders, self.desk, self.paying, self.given_today, self.dynamodb, self.now_ms)

    @cached_property
    def work_desk(self) -> WorkDesk:
        return WorkDesk(self.orders, self.given_today, self.dynamodb, self.now_ms)

    @cached_property
    def work_watch(self) -> WorkWatch:
        return WorkWatch(self.orders, self.now_ms)

    @cached_property
    def freezing(self) -> Freezing:
        return Freezing(self.orders, self.withdrawals, self.dynamodb, self.now_ms)

    @cached_property
    def disputes(self) -> Disputes:
        return Disputes(self.orders, self.accounts, self.desk, self.freezing, self.now_ms)

    @cached_property
    def withdrawals(self) -> Withdrawals:
        return Withdrawals(self.keys, self.catalog, self.now_ms)

    @cached_property
    def unit_refunds(self) -> UnitRefunds:
        return UnitRefunds(self.orders, self.withdrawals, self.given_today, self.dynamodb, self.now_ms)

    @cached_property
    def given_today(self) -> GivenToday:
        return GivenToday(self.refund_limits, Allowances(GuardStore(self.dynamodb, self.names["guards"])))

    @cached_property
    def refunds(self) -> Refunds:
        return Refunds(self.orders, self.accounts, self.desk, self.now_ms, "https://api.example")

    @cached_property
    def books(self) -> Books:
        return Books(AccountStore(self.dynamodb, self.names["accounts"]))

    @cached_property
    def differences(self) -> ReconciliationStore:
        return ReconciliationStore(self.dynamodb, self.names["reconciliation"])

    @cached_property
    def comparing(self) -> Comparing:
        purchases = PurchaseRecords(SupplyStore(self.dynamodb, self.names["suppliers"]))
        suppliers = SupplierAccounts(self.wholesalers)
        counterparts = Counterparts(self.accounts, lambda: suppliers, self.orders, self.desk, purchases, self.books)
        return Comparing(self.differences, counterparts, self.now_ms, pause=lambda _: None)

    @cached_property
    def reconciliation_desk(self) -> ReconciliationDesk:
        return ReconciliationDesk(self.differences, self.now_ms)

    @cached_property
    def suppliers(self) -> SuppliersStore:
        return SuppliersStore(self.dynamodb, self.names["suppliers"])

    @cached_property
    def news(self) -> News:
        return News(GuardStore(self.dynamodb, self.names["guards"]), self.now_ms)

    @cached_property
    def recharging(self) -> Recharging:
        return Recharging(
            self.orders,
            self.routing,
            SupplierAccounts(self.wholesalers),
            KeysForUnits(self.orders, self.claims, self.intake, self.dynamodb, self.now_ms),
            self.news,
            "https://api.example",
            self.now_ms,
            lambda: 0.5,
        )

    @cached_property
    def intake(self) -> CardIntake:
        vault, fingerprint = (KmsKeyWrapper(self.kms, key) for key in (self.vault_key, self.fingerprint_key))
        return CardIntake(self.keys, ImportStore(self.keys), self.catalog, vault, fingerprint, self.now_ms)

    @cached_property
    def routing(self) -> Routing:
        return Routing(self.suppliers, ZoneInfo(BUSINESS_TIME_ZONE), self.now_ms)

    @cached_property
    def importing(self) -> Importing:
        vault, fingerprint = (KmsKeyWrapper(self.kms, key) for key in (self.vault_key, self.fingerprint_key))
        return Importing(self.keys, self.catalog, vault, fingerprint, self.files, self.now_ms)

    @cached_property
    def audit(self) -> AuditTrail:
        return AuditTrail(self.dynamodb, self.names["audit"])

    @cached_property
    def chain(self) -> AuditChain:
        return AuditChain(self.dynamodb, self.names["audit"], CHAIN_SECRET)

    @cached_property
    def figures(self) -> FigureStore:
        return FigureStore(self.dynamodb, self.names["keys"])

    @cached_property
    def counting(self) -> Counting:
        return Counting(self.figures, self.keys, self.chain, self.now_ms)

    @cached_property
    def stock_figures(self) -> StockFigures:
        return StockFigures(self.figures, self.keys, self.catalog, self.now_ms)

    @cached_property
    def shelf_watch(self) -> ShelfWatch:
        return ShelfWatch(self.figures, self.now_ms)

    # what people do

    def stock_up(self, count: int, sku_id: str = SKU, price: Money = PRICE, max_quantity: int = 90) -> list[str]:
        """A product, a SKU and a batch of `count` keys; returns their codes."""
        now = stamp(OPERATOR, self.now_ms())
        self.catalog.save_product(Product(product_id="game", store_id="main", name="Game", **now), OPERATOR)
        sku = Sku(
            sku_id=sku_id,
            product_id="game",
            store_id="main",
            name="100 points",
            price=price,
            issuer="game",
            max_quantity=max_quantity,
            **now,
        )
        self.catalog.save_sku(sku, OPERATOR)
        return self.import_codes(new_codes(count), sku_id)[0]

    def import_codes(
        self, codes: list[str], sku_id: str = SKU, source: str = "supplier", unit_cost: Money | None = None
    ) -> tuple[list[str], Batch]:
        wanted = NewBatch(sku_id=sku_id, source=source, unit_cost=unit_cost)
        batch = self.batches.open(wanted, secrets.token_hex(16), OPERATOR)
        return codes, self.importing.import_file(batch.batch_id, UploadInMemory("\n".join(codes).encode()), SYSTEM)

    def follow(self, batch_id: str) -> None:
        """As the queue brings it, slice after slice, until every key of the batch follows."""
        progress = Progress.UNFINISHED
        while progress in {Progress.UNFINISHED, Progress.LOOK_AGAIN}:
            self.ahead_ms += RUN_IS_OVER_MS if progress is Progress.LOOK_AGAIN else 0
            progress = self.followers.follow(batch_id, self.now_ms() + SLICE_MS, SYSTEM)

    def order(
        self,
        quantity: int = 1,
        idempotency_key: str | None = None,
        sku_id: str = SKU,
        lines: tuple[Line, ...] = (),
        provider: str = "epay",
    ) -> Placed:
        wanted = Wanted(
            store_id="main",
            lines=lines or (Line(sku_id, quantity),),
            contact=Contact(email="buyer@example.com"),
            way=WayToPay(provider=provider, method="alipay", return_url="https://shop.example/thanks"),
        )
        return self.checkout.place(wanted, idempotency_key or secrets.token_hex(16), BUYER)

    def callback(self, attempt: PaymentAttempt, reference: str | None = None, **changed: str) -> Callback:
        """What epay would send for the attempt, signed with the account's key; `changed` before signing."""
        values = {
            "pid": "1001",
            "trade_no": reference or f"ref-{attempt.attempt_id}",
            "out_trade_no": attempt.attempt_id,
            "type": "alipay",
            "name": "order",
            "money": attempt.amount.decimal(),
            "trade_status": "TRADE_SUCCESS",
            **changed,
        }
        return Callback("GET", epay_query(values, self.epay_key), b"", {})

    def pay(self, attempt: PaymentAttempt, reference: str | None = None, **changed: str) -> Settled:
        said = self.confirmed(self.callback(attempt, reference, **changed))
        return self.settlement.settle(said, PROVIDER)

    def confirmed(self, callback: Callback, account: str = "main") -> Confirmation:
        said = self.accounts.at("epay", account).confirm(callback, self.now_ms())
        assert isinstance(said, Confirmation)
        return said

    # what is true in the end

    def stored_keys(self) -> list[Key]:
        return [from_attributes(Key, item) for item in self.scan("keys") if item["key_id"]["S"].startswith("key_")]

    def stored_orders(self) -> list[Order]:
        return [from_attributes(Order, item) for item in self.scan("orders")]

    def sold(self) -> list[Key]:
        return [key for key in self.stored_keys() if key.state is KeyState.SOLD]

    def scan(self, kind: str) -> list[dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.names[kind], ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]


def new_codes(count: int) -> list[str]:
    return ["-".join(secrets.token_hex(2).upper() for _ in range(4)) for _ in range(count)]


def epay_query(values: dict[str, str], key: str) -> str:
    """Signed as the protocol says: sorted, joined, key appended, MD5."""
    signed = "&".join(f"{name}={values[name]}" for name in sorted(values) if values[name])
    digest = hashlib.md5((signed + key).encode(), usedforsecurity=False).hexdigest()
    return urlencode({**values, "sign": digest, "sign_type": "MD5"})

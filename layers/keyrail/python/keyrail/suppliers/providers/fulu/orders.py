"""What an answer about an order comes to. A word that is not reviewed, and a sum that is not read, leave it unknown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keyrail.platform.json_objects import Document, text
from keyrail.suppliers.model.outcomes import Card, DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from keyrail.suppliers.providers import Placed
from keyrail.suppliers.providers.fulu import cards
from keyrail.suppliers.providers.lists import Meaning, said
from keyrail.suppliers.providers.reading import amount, bound, money, number, objects

CURRENCY = "CNY"
STATUSES = {
    "success": Meaning.SUCCESS,
    "processing": Meaning.PROCESSING,
    "untreated": Meaning.PROCESSING,
    "failed": Meaning.FAILED,
}
OF_KEYS = "3"  # the type of an order of cards; the others are of telephone fees, of data, and of all other accounts
OF_ACCOUNTS = frozenset({"1", "2", "4"})


@dataclass(frozen=True)
class OrderReader:
    statuses: Mapping[str, Meaning]
    secret: str = field(repr=False)
    card_padding: str = cards.PADDINGS[0]

    def accepted(self, order: Document, reference: str) -> Outcome:
        """Of the answer to an order: that they have it, whatever state is in it. Only a question tells what became."""
        if text(order, "customer_order_no") != reference:
            return Unknown(said="another_order")
        return Processing(said="accepted", their_reference=number(order, "order_id"))

    def one(self, order: Document, placed: Placed) -> Outcome:
        theirs = bound(order, "customer_order_no", "order_id", "product_id", placed)
        if theirs is None:
            return Unknown(said="another_order")
        state = text(order, "order_state")
        match self.statuses.get(state):
            case Meaning.PROCESSING:
                return Processing(said=said(state), their_reference=theirs)
            case Meaning.FAILED if not _has_cards(order):
                return DefiniteFailure(said=said(state), refusal=Refusal.REFUSED, their_reference=theirs)
            case Meaning.SUCCESS:
                return self._done(order, state, theirs, placed)
            case Meaning.FAILED:
                return Unknown(said="contradiction", their_reference=theirs)
            case _:
                return Unknown(said=said(state), their_reference=theirs)

    def _done(self, order: Document, state: str, theirs: str, placed: Placed) -> Outcome:
        """Done as it was asked for: of that kind and that many, and with a price."""
        kind = text(order, "order_type")
        if not (kind == OF_KEYS if placed.of_keys else kind in OF_ACCOUNTS):
            return Unknown(said="another_kind", their_reference=theirs)
        if text(order, "buy_num") != str(placed.quantity):
            return Unknown(said="another_quantity", their_reference=theirs)
        price = amount(order, "order_price")
        cost = None if price is None else money(price * placed.quantity, CURRENCY, up=True)
        if cost is None:
            return Unknown(said="no_price", their_reference=theirs)
        bought = self._cards(order, placed)
        if bought is None:
            return Unknown(said="cards", their_reference=theirs)
        return Success(said=said(state), their_reference=theirs, cost=cost, cards=bought)

    def _cards(self, order: Document, placed: Placed) -> tuple[Card, ...] | None:
        """None where they are not what was bought. Some accounts are credited with a code: then there is one each."""
        if not placed.of_keys and not _has_cards(order):
            return ()
        listed = objects(order, "cards")
        return None if listed is None else cards.read(listed, placed.quantity, self.secret, self.card_padding)


def _has_cards(order: Document) -> bool:
    """Whether something was handed out, be it understood or not."""
    return order.get("cards") not in (None, "", [])

"""What an answer about an order comes to. A word that is not reviewed, and a sum that is not read, leave it unknown."""

from dataclasses import dataclass, replace
from typing import Any

from keyrail.platform.json_objects import Document, is_text, text
from keyrail.platform.money import Money
from keyrail.suppliers.model.outcomes import Card, DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from keyrail.suppliers.providers import Placed, lists
from keyrail.suppliers.providers.kasushou.dialect import Dialect, Meaning
from keyrail.suppliers.providers.reading import amount, bound, last_day, number, objects, price

MAX_KEY_LENGTH = 1024  # characters of a card's number or password


@dataclass(frozen=True, kw_only=True)
class OrderReader:
    """Reads what the house says of one of our orders."""

    dialect: Dialect
    currency: str

    def theirs(self, holder: Document) -> str | None:
        return number(holder, self.dialect.names.their_reference)

    def accepted(self, order: Document, reference: str) -> Outcome:
        """Of the answer to an order: that they have it, whatever else is in it. Only a question tells what became."""
        theirs = self.theirs(order)
        if text(order, self.dialect.names.reference) not in {"", reference}:
            return Unknown(said="another_order")
        return Processing(said="accepted", their_reference=theirs) if theirs else Unknown(said="no_number")

    def one(self, orders: list[Document], placed: Placed) -> Outcome:
        """Of all that they say has our reference."""
        if not orders:
            return Unknown(said="no_such_order")
        if len(orders) > 1:
            return Unknown(said="several_orders")
        (order,) = orders
        if placed.item is not None and not placed.item.isdigit():
            placed = replace(placed, item=None)  # a variant, of which an order may name the goods alone
        names = self.dialect.names
        theirs = bound(order, names.reference, names.their_reference, names.ordered_item, placed)
        if theirs is None:
            return Unknown(said="another_order")
        return self._outcome(order, theirs, placed)

    def _outcome(self, order: Document, theirs: str, placed: Placed) -> Outcome:
        said = text(order, self.dialect.names.status)
        match self.dialect.statuses.get(said):
            case Meaning.PROCESSING:
                return Processing(said=said, their_reference=theirs)
            case Meaning.DONE:
                return self._done(order, said, theirs, placed)
            case Meaning.RETURNED:
                return self._returned(order, said, theirs)
            case Meaning.UNPAID:
                return DefiniteFailure(said=said, refusal=Refusal.BALANCE_SHORT, their_reference=theirs)
            case _:
                return Unknown(said=f"status_{lists.said(said)}", their_reference=theirs)

    def _done(self, order: Document, said: str, theirs: str, placed: Placed) -> Outcome:
        """Done, and none of it undone: money that came back is of a part that did not work."""
        names = self.dialect.names
        cost: Money | None = None
        if order.get(names.total) is not None:
            cost = price(order, names.total, self.currency)
            if cost is None:
                return Unknown(said=f"{said}_amount", their_reference=theirs)
        if order.get(names.returned) is not None and amount(order, names.returned) != 0:
            return Unknown(said=f"{said}_partly_returned", their_reference=theirs)
        if not placed.of_keys:
            return Success(said=said, their_reference=theirs, cost=cost)
        cards = self._cards(order, placed.quantity)
        if isinstance(cards, str):
            return Unknown(said=f"{said}_{cards}", their_reference=theirs)
        return Success(said=said, their_reference=theirs, cost=cost, cards=cards)

    def _returned(self, order: Document, said: str, theirs: str) -> Outcome:
        """Given up. It is as if it had never been only where all that was taken has come back, to the last decimal."""
        total, back = amount(order, self.dialect.names.total), amount(order, self.dialect.names.returned)
        if total is None or back is None:
            return Unknown(said=f"{said}_amount", their_reference=theirs)
        if not total or back != total:
            return Unknown(said=f"{said}_partly_returned", their_reference=theirs)
        return DefiniteFailure(said=said, refusal=Refusal.REFUSED, their_reference=theirs)

    def _cards(self, order: Document, quantity: int) -> tuple[Card, ...] | str:
        """As many as were asked for, each another; or what is wrong with them."""
        listed = objects(order, self.dialect.names.cards)
        if listed is None or len(listed) != quantity:
            return "cards_missing" if not listed else "cards_miscounted"
        cards = [self._card(each) for each in listed]
        whole = [card for card in cards if card is not None]
        if len(whole) != quantity:
            return "card_unreadable"
        if len({(card.code, card.password) for card in whole}) != quantity:
            return "card_twice"
        return tuple(whole)

    def _card(self, holder: Document) -> Card | None:
        """A number with a password; a password alone is the code. None for what is no card."""
        names = self.dialect.names
        card, password = _of_a_key(holder, names.card_number), _of_a_key(holder, names.card_password)
        if card is None or password is None or not (card or password):
            return None
        try:
            expires_on = last_day(holder, names.card_expiry)
        except ValueError:
            return None
        return Card(code=card or password, password=password if card and password else None, expires_on=expires_on)


def _of_a_key(holder: Document, name: str) -> str | None:
    """Empty where it is left out; None for what is no text, or too long, or broken over lines."""
    value: Any = holder.get(name)
    if value is None:
        return ""
    if not is_text(value) or len(value) > MAX_KEY_LENGTH or not value.isprintable():
        return None
    return value.strip()

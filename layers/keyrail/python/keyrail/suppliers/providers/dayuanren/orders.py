"""What an answer about an order comes to. A word that is not reviewed, and two that disagree, leave it unknown."""

from collections.abc import Mapping
from dataclasses import dataclass

from keyrail.platform.json_objects import Document, text
from keyrail.suppliers.model.outcomes import DefiniteFailure, Outcome, Processing, Refusal, Success, Unknown
from keyrail.suppliers.providers import Placed
from keyrail.suppliers.providers.lists import Meaning, said
from keyrail.suppliers.providers.reading import amount, bound, number

# 3 is a part of it: what became of the rest no answer says, so a person does.
STATUSES = {
    "0": Meaning.PROCESSING,
    "1": Meaning.SUCCESS,
    "2": Meaning.FAILED,
    "-1": Meaning.FAILED,
}
# Beside the state some answers have the order's own status, and some the state again. An old version says `failed` of
# an order that is only not paid for yet (own status 1), so a final state counts where both agree.
AGREEING: Mapping[str, frozenset[str]] = {
    "1": frozenset({"1", "4"}),
    "2": frozenset({"2", "5", "6"}),
    "-1": frozenset({"-1", "7"}),
}


@dataclass(frozen=True)
class OrderReader:
    statuses: Mapping[str, Meaning]
    agreeing: Mapping[str, frozenset[str]]

    def accepted(self, order: Document, reference: str) -> Outcome:
        """Of the answer to an order: that they have it. It is paid for, or not, only after that."""
        if text(order, "out_trade_num") != reference:
            return Unknown(said="another_order")
        return Processing(said="accepted", their_reference=number(order, "order_number"))

    def one(self, orders: list[Document], placed: Placed) -> Outcome:
        """Of all that they say has our reference."""
        if len(orders) != 1:
            return Unknown(said="several_orders" if orders else "no_such_order")
        (order,) = orders
        theirs = bound(order, "out_trade_num", "order_number", "product_id", placed)
        if theirs is None:
            return Unknown(said="another_order")
        return self._outcome(order, theirs, placed)

    def _outcome(self, order: Document, theirs: str, placed: Placed) -> Outcome:
        state = text(order, "state")
        match self.statuses.get(state):
            case Meaning.PROCESSING:
                return Processing(said=said(state), their_reference=theirs)
            case Meaning.FAILED if self._agrees(order, state) and not _in_part(order):
                return DefiniteFailure(said=said(state), refusal=Refusal.REFUSED, their_reference=theirs)
            case Meaning.SUCCESS if self._agrees(order, state) and not placed.of_keys:
                return Success(said=said(state), their_reference=theirs)
            case Meaning.FAILED | Meaning.SUCCESS:
                return Unknown(said="contradiction", their_reference=theirs)
            case _:
                return Unknown(said=said(state), their_reference=theirs)

    def _agrees(self, order: Document, state: str) -> bool:
        """A state of a house's own has nothing to agree with, unless its settings say with what."""
        if order.get("status") is None:
            return True
        own = text(order, "status")
        return own != "" and (state not in self.agreeing or own in self.agreeing[state])


def _in_part(order: Document) -> bool:
    """Whether something may have been credited after all."""
    return order.get("charge_amount") not in (None, "") and amount(order, "charge_amount") != 0

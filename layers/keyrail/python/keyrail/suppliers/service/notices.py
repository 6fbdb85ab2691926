"""What suppliers have news of for which nobody waits."""

from dataclasses import dataclass

from keyrail.platform.clock import NowMs
from keyrail.suppliers.model.errors import UnknownSupplier
from keyrail.suppliers.model.notices import NOTICE_LASTS_MS, Notice, NoticeReason
from keyrail.suppliers.model.outcomes import word
from keyrail.suppliers.store import SuppliersStore

MAX_SHOWN = 100


@dataclass(frozen=True)
class Notices:
    store: SuppliersStore
    now_ms: NowMs

    def keep(self, supplier: str, reference: str, reason: NoticeReason, order_id: str | None) -> bool:
        """Whether it is the first of that reference, of which not much more than any has is kept.

        Raises StoreUnavailable.
        """
        now_ms = self.now_ms()
        return self.store.keep(
            Notice(
                supplier=supplier,
                reference=word(reference),
                reason=reason,
                heard_at_ms=now_ms,
                expires_at=(now_ms + NOTICE_LASTS_MS) // 1000,
                order_id=order_id,
            )
        )

    def of(self, supplier: str) -> list[Notice]:
        """At most MAX_SHOWN, by their references. Raises UnknownSupplier."""
        found = self.store.notices(supplier, MAX_SHOWN)
        if not found and self.store.health(supplier) is None:
            raise UnknownSupplier
        return found

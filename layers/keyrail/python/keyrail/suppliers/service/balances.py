"""What we have with each supplier, asked from time to time: so that no unit is sent where our balance does not do."""

from collections.abc import Callable
from dataclasses import dataclass

from keyrail.platform import logs
from keyrail.platform.clock import NowMs
from keyrail.platform.errors import KeyrailError
from keyrail.platform.logs import Entry
from keyrail.suppliers.providers import Supplier
from keyrail.suppliers.store import SuppliersStore


@dataclass(frozen=True)
class Balances:
    """`at` finds our account with a supplier by its name."""

    store: SuppliersStore
    at: Callable[[str], Supplier]
    now_ms: NowMs

    def go_round(self, until_ms: int) -> tuple[int, int]:
        """How many suppliers said what we have with them, and how many did not; none is asked after `until_ms`.

        Whose balance is oldest is asked first, so that each comes to its turn. Whatever is wrong with one keeps no
        other from being asked. Raises StoreUnavailable.
        """
        known = unknown = 0
        for health in sorted(self.store.all_health(), key=lambda each: each.balance_at_ms or 0):
            if self.now_ms() >= until_ms:
                break
            if self._look(health.supplier):
                known += 1
            else:
                unknown += 1
        return known, unknown

    def _look(self, supplier: str) -> bool:
        asked_at_ms = self.now_ms()
        try:
            balance = self.at(supplier).balance()
        except KeyrailError as error:
            logs.warn(Entry.BALANCE_UNKNOWN, supplier=supplier, error=error.code)
            return False
        except Exception as error:  # noqa: BLE001 - an adapter that breaks is one supplier's trouble
            logs.log_failure(error, supplier=supplier)
            return False
        self.store.put_balance(supplier, balance, asked_at_ms)
        return True

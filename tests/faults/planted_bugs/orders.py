"""Bugs in what sells, issues, imports and shows keys."""

from tests.faults.planted_bugs.bug import PlantedBug

WRITES = "tests/integration/test_conditional_writes.py"
PAYMENTS = "tests/integration/test_payments_in_odd_order.py"
ORDERS = "tests/integration/test_orders.py"
SECRETS = "tests/integration/test_nothing_secret_is_told.py"
BINDING = "tests/unit/payments/test_binding.py"
EPAY = "tests/unit/payments/epay/test_epay.py"
STRIPE = "tests/unit/payments/stripe/test_events.py"
ORDER_MODEL = "tests/unit/ordering/test_orders_model.py"
POOLS = "tests/unit/inventory_claims/test_pools_and_keys.py"
MATRIX = "tests/faults/test_crash_matrix.py::test_after_a_break_anywhere_and_the_usual_retries_every_promise_holds"
VAULT = "tests/unit/vault/test_vault.py"

STORE = "inventory/store/keys.py"
PAYMENT_MODEL = "payments/model/confirmations.py"
MODEL = "ordering/model/steps.py"
CHECKOUT = "ordering/service/checkout.py"
ISSUANCE = "fulfilment/service/issuance.py"
SETTLEMENT = "fulfilment/service/settlement.py"

BUGS = (
    # a key is sold to at most one order unit, ever
    PlantedBug(
        "leases a key that another holds",
        STORE,
        "(KeyItem.claim_order <= claimable_until(now_ms)) & _usable(now_ms)",
        "KeyItem.claim_order.exists() & _usable(now_ms)",
        f"{WRITES}::test_a_leased_key_is_not_leased_to_another",
    ),
    PlantedBug(
        "leases without any condition",
        STORE,
        "(KeyItem.claim_order <= claimable_until(now_ms)) & _usable(now_ms)",
        "KeyItem.key_id.exists()",
        f"{WRITES}::test_a_sold_key_is_never_leased_again",
    ),
    PlantedBug(
        "leases a key past its last day",
        STORE,
        "(KeyItem.claim_order <= claimable_until(now_ms)) & _usable(now_ms)",
        "KeyItem.claim_order <= claimable_until(now_ms)",
        f"{WRITES}::test_a_key_past_its_last_day_is_not_leased",
    ),
    PlantedBug(
        "sells without any condition",
        STORE,
        "(leased_by_order | claimable) & _usable(now_ms)",
        "KeyItem.key_id.exists()",
        f"{WRITES}::test_a_key_is_sold_once_and_not_even_to_its_owner_again",
    ),
    PlantedBug(
        "sells a lapsed lease that another order has taken",
        STORE,
        "leased_by_order = (KeyItem.state == KeyState.LEASED) & (KeyItem.order_id == order_id)",
        "leased_by_order = KeyItem.state == KeyState.LEASED",
        f"{WRITES}::test_a_lapsed_lease_that_somebody_took_is_no_longer_its_first_holders_to_buy",
    ),
    PlantedBug(
        "sells any key that is not sold yet, leased or not",
        STORE,
        "claimable = KeyItem.claim_order <= claimable_until(now_ms)\n        actions",
        "claimable = KeyItem.claim_order.exists()\n        actions",
        f"{WRITES}::test_nobody_else_buys_a_leased_key",
    ),
    PlantedBug(
        "leaves a sold key in the claimable index",
        STORE,
        "if replaces else ()),\n            *_out_of_pool(now_ms),",
        "if replaces else ()),",
        f"{WRITES}::test_a_sold_key_is_never_leased_again",
    ),
    PlantedBug(
        "gives back a lease that is somebody else's",
        STORE,
        "held = (KeyItem.state == KeyState.LEASED) & (KeyItem.order_id == order_id)",
        "held = KeyItem.state == KeyState.LEASED",
        f"{ORDERS}::test_cancelling_again_leaves_keys_alone_that_went_to_another_order",
    ),
    PlantedBug(
        "gives back a key that is sold",
        STORE,
        "held = (KeyItem.state == KeyState.LEASED) & (KeyItem.order_id == order_id)",
        "held = KeyItem.order_id == order_id",
        f"{WRITES}::test_a_sold_key_is_not_given_back",
    ),
    PlantedBug(
        "lets a lease end before its order does",
        "inventory/model/keys.py",
        "return -(-until_ms // 1000)",
        "return until_ms // 1000",
        f"{POOLS}::test_a_lease_ends_on_the_full_second_and_never_before_its_time",
    ),
    PlantedBug(
        "counts an own lapsed lease as another key",
        "inventory/service/claims.py",
        "self._apart(found, taken, besides)",
        "self._apart(found, taken)",
        f"{PAYMENTS}::test_one_key_too_few_delivers_none_of_the_unit_and_frees_what_was_held_for_it",
    ),
    # decisions by one conditional write
    PlantedBug(
        "replaces an order that changed meanwhile",
        "ordering/store.py",
        "OrderItem.version == standing.version",
        "OrderItem.order_id.exists()",
        f"{WRITES}::test_an_order_is_replaced_only_while_it_stands",
    ),
    PlantedBug(
        "puts an order over the one that stands",
        "ordering/store.py",
        "OrderItem.order_id.does_not_exist()",
        "(OrderItem.order_id.does_not_exist() | OrderItem.order_id.exists())",
        f"{WRITES}::test_an_order_is_added_once_and_the_second_learns_of_the_first",
    ),
    PlantedBug(
        "replaces a batch that changed meanwhile",
        STORE,
        "unchanged = KeyItem.version == batch.version - 1",
        "unchanged = KeyItem.key_id.exists()",
        f"{WRITES}::test_a_batch_is_replaced_only_by_its_next_version",
    ),
    PlantedBug(
        "puts the same statement on the desk twice",
        "payments/store.py",
        "PaymentItem.payment_id.does_not_exist()",
        "(PaymentItem.payment_id.does_not_exist() | PaymentItem.payment_id.exists())",
        f"{WRITES}::test_the_same_statement_of_a_provider_lies_on_the_desk_once",
    ),
    # bind before believing
    PlantedBug(
        "compares the amount with itself",
        PAYMENT_MODEL,
        "said.amount.amount_minor != attempt.amount.amount_minor",
        "said.amount.amount_minor != said.amount.amount_minor",
        f"{BINDING}::test_one_fen_too_little_is_refused",
    ),
    PlantedBug(
        "takes more than enough for enough",
        PAYMENT_MODEL,
        "said.amount.amount_minor != attempt.amount.amount_minor",
        "said.amount.amount_minor < attempt.amount.amount_minor",
        f"{BINDING}::test_one_fen_too_much_is_refused",
    ),
    PlantedBug(
        "forgets the currency",
        PAYMENT_MODEL,
        "said.amount is None or said.amount.currency != attempt.amount.currency",
        "said.amount is None",
        f"{BINDING}::test_the_same_number_of_another_currency_is_refused",
    ),
    PlantedBug(
        "believes a status that is not paid",
        PAYMENT_MODEL,
        "    if not said.paid:\n        return Mismatch.NOT_PAID\n",
        "",
        f"{BINDING}::test_a_status_that_is_not_paid_is_refused",
    ),
    PlantedBug(
        "forgets the merchant",
        PAYMENT_MODEL,
        "if said.merchant != merchant:",
        "if False:",
        f"{BINDING}::test_a_payment_to_another_merchant_is_refused",
    ),
    PlantedBug(
        "forgets the account",
        PAYMENT_MODEL,
        "(said.provider, said.account) == (attempt.provider, attempt.account)",
        "said.provider == attempt.provider",
        f"{BINDING}::test_a_callback_to_another_account_of_the_same_provider_is_refused",
    ),
    PlantedBug(
        "forgets the attempt",
        PAYMENT_MODEL,
        "attempt is None or said.attempt_id != attempt.attempt_id",
        "attempt is None",
        f"{BINDING}::test_a_callback_for_another_order_is_refused",
    ),
    PlantedBug(
        "takes any signature",
        "payments/providers/epay/signing.py",
        "return hmac.compare_digest(self.sign(parameters).encode(), signature.encode())",
        "return bool(signature)",
        EPAY,
    ),
    PlantedBug(
        "takes a waiting payment for a paid one",
        "payments/providers/epay/messages.py",
        'PAID_STATUSES = frozenset({"TRADE_SUCCESS"})',
        'PAID_STATUSES = frozenset({"TRADE_SUCCESS", "WAIT_BUYER_PAY", "TRADE_CLOSED"})',
        EPAY,
    ),
    PlantedBug(
        "takes an unpaid session for a paid one",
        "payments/providers/stripe/confirmations.py",
        'PAID_STATUSES = frozenset({"paid"})',
        'PAID_STATUSES = frozenset({"paid", "unpaid"})',
        STRIPE,
    ),
    # money is never dropped, goods never given away
    PlantedBug(
        "gives up without owing the money",
        MODEL,
        "(*order.refunds, refund)",
        "order.refunds",
        f"{ORDER_MODEL}::test_what_cannot_be_delivered_is_owed_back_to_the_attempt_that_paid",
    ),
    PlantedBug(
        "owes the whole order for one unit",
        MODEL,
        "amount=owed_for(order, (unit,)),",
        "amount=order.total,",
        f"{ORDER_MODEL}::test_what_cannot_be_delivered_is_owed_back_to_the_attempt_that_paid",
    ),
    PlantedBug(
        "gives up on what is sold out and tells nobody",
        ISSUANCE,
        "failed = fail_unit(order, unit.unit_id, ",
        "return order\n        failed = fail_unit(order, unit.unit_id, ",
        f"{PAYMENTS}::test_a_payment_after_the_last_key_went_to_somebody_else_is_a_refund_of_the_exact_amount",
    ),
    PlantedBug(
        "delivers half a unit",
        MODEL,
        "whole = len(keys) == len(set(keys)) == unit.quantity",
        "whole = bool(keys)",
        f"{ORDER_MODEL}::test_half_a_unit_is_not_delivered",
    ),
    PlantedBug(
        "issues to an order that is not paid",
        ISSUANCE,
        "if order.paid_attempt() is None:",
        "if order.attempts == ():",
        f"{PAYMENTS}::test_an_unpaid_order_is_issued_nothing",
    ),
    PlantedBug(
        "takes a second payment for a duplicate of the first",
        SETTLEMENT,
        "(paid.attempt_id, paid.reference) != (said.attempt_id, said.reference)",
        "paid.attempt_id != said.attempt_id",
        f"{PAYMENTS}::test_a_second_payment_with_another_number_is_owed_back",
    ),
    PlantedBug(
        "drops a payment that binds to nothing",
        SETTLEMENT,
        "if self.desk.put(said, reason, origin):",
        "if said.paid:",
        f"{PAYMENTS}::test_a_callback_in_another_currency_delivers_nothing_and_is_on_the_desk",
    ),
    PlantedBug(
        "cancels an order that is paid",
        MODEL,
        "if order.status is not OrderStatus.PENDING_PAYMENT:\n        raise NotCancellable",
        "",
        f"{ORDER_MODEL}::test_a_paid_or_cancelled_order_is_not_cancelled",
    ),
    PlantedBug(
        "tells the queue that nothing is open",
        "ordering/model/events.py",
        '"open": len(new.units_to_issue())',
        '"open": 0',
        f"{ORDER_MODEL}::test_a_payment_tells_how_many_units_are_still_open_so_that_the_queue_knows",
    ),
    PlantedBug(
        "keeps the leases of an order that could not be placed",
        CHECKOUT,
        "for unit in units:\n                self.claims.release(unit.key_ids, new_id, origin)",
        "pass",
        f"{ORDERS}::test_a_line_that_is_sold_out_frees_the_lines_before_it",
    ),
    PlantedBug(
        "answers another request with the order of the first",
        CHECKOUT,
        "if order.request_hash != wanted.fingerprint():",
        "if not order.request_hash:",
        f"{ORDERS}::test_the_same_name_for_another_request_is_refused_and_holds_nothing",
    ),
    # a crash anywhere, and the usual retries
    PlantedBug(
        "acknowledges a payment that was not stored",
        "platform/dynamo.py",
        "    except (ClientError, BotoCoreError) as error:\n        raise StoreUnavailable from error\n\n\ndef _key",
        "    except (ClientError, BotoCoreError):\n        return\n\n\ndef _key",
        f"{MATRIX}[callback_in_time]",
    ),
    PlantedBug(
        "gives up on a cancelled order's leases after a crash",
        CHECKOUT,
        "            if order.status is OrderStatus.CANCELLED:\n                return order\n            cancelled",
        "            if order.status is OrderStatus.CANCELLED:\n"
        "                return __import__('dataclasses').replace(order, units=())\n            cancelled",
        f"{MATRIX}[cancel_that_is_repeated]",
    ),
    PlantedBug(
        "takes a lost answer to its own lease for a refusal",
        STORE,
        'return standing.get("claim_order") == {"S": order}',
        "return False",
        "tests/faults/test_lost_answers.py::test_a_lease_is_taken_and_the_key_not_lost_to_ourselves",
    ),
    # who may see what
    PlantedBug(
        "shows an order to whoever knows its number",
        "ordering/service/orders.py",
        "order is None or not hmac.compare_digest(order.token_hash, token_hash(token))",
        "order is None",
        f"{ORDERS}::test_a_wrong_token_and_an_unknown_order_are_told_the_same",
    ),
    PlantedBug(
        "shows a key that is sold to another order",
        STORE,
        "sold = KeyItem.state.is_in(KeyState.SOLD, KeyState.REDEEMED) & (KeyItem.order_id == order_id)",
        "sold = KeyItem.state.is_in(KeyState.SOLD, KeyState.REDEEMED)",
        f"{WRITES}::test_a_key_is_not_shown_to_another_order",
    ),
    PlantedBug(
        "shows a key without writing down who looked",
        STORE,
        "actions = [KeyItem.revealed_at_ms.set(now_ms), *changed(origin, now_ms)]",
        "actions = [KeyItem.version.set(KeyItem.version)]",
        f"{WRITES}::test_a_look_at_a_sold_key_is_on_record_with_who_and_from_where",
    ),
    # secrets
    PlantedBug(
        "logs what it reveals",
        "fulfilment/service/delivery.py",
        "keys=shown, withheld",
        "keys=[key.code for key in keys], withheld",
        SECRETS,
    ),
    PlantedBug(
        "prints a revealed code",
        "fulfilment/model.py",
        "code: str | None = field(default=None, repr=False)",
        "code: str | None = None",
        "tests/unit/fulfilment/test_fulfilment_model.py",
    ),
    PlantedBug(
        "stores the token itself",
        CHECKOUT,
        "token_hash=token_hash(token)",
        "token_hash=token.encode()",
        f"{ORDERS}::test_a_wrong_token_and_an_unknown_order_are_told_the_same",
    ),
    PlantedBug(
        "names codes without a key",
        "vault/service/fingerprints.py",
        "hmac.digest(self._key, message, hashlib.sha256)",
        "hashlib.sha256(message).digest()",
        f"{VAULT}::test_a_name_says_the_version_of_its_key_and_tells_nothing_without_that_key",
    ),
    PlantedBug(
        "binds a ciphertext to nothing",
        "vault/service/sealing.py",
        "place.aad()",
        "None",
        f"{VAULT}::test_a_sealed_secret_opens_nowhere_else",
    ),
    PlantedBug(
        "seals every secret with the same nonce",
        "vault/service/sealing.py",
        "nonce = os.urandom(NONCE_BYTES)",
        "nonce = bytes(NONCE_BYTES)",
        f"{VAULT}::test_the_same_secret_is_sealed_differently_each_time",
    ),
    PlantedBug(
        "masks nothing",
        "vault/model.py",
        "shown = min(MASK_LENGTH, len(code) // 4)",
        "shown = len(code)",
        f"{VAULT}::test_a_mask_shows_at_most_four_characters_and_never_more_than_a_quarter",
    ),
)

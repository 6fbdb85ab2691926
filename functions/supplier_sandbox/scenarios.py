"""What the sandbox supplier does with an order: a magic account, or a magic item, has it misbehave as suppliers do."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Scenario(StrEnum):
    SUCCESS = "success"
    SLOW = "slow"
    ACCEPT_THEN_FAIL = "accept_then_fail"
    TIMEOUT_THEN_SUCCESS = "timeout_then_success"
    TIMEOUT_THEN_NOTHING = "timeout_then_nothing"
    PARTIAL = "partial"
    CALLBACK_FIRST = "callback_first"
    CALLBACK_TWICE = "callback_twice"
    CALLBACK_NEVER = "callback_never"
    CALLBACK_FORGED = "callback_forged"
    CALLBACK_MISDIRECTED = "callback_misdirected"
    PRICE_CHANGED = "price_changed"
    BALANCE_SHORT = "balance_short"
    SOLD_OUT = "sold_out"
    BAD_ACCOUNT = "bad_account"
    HTML_PAGE = "html_page"
    MONEY_KEPT = "money_kept"
    NEW_WORD = "new_word"


class Status(StrEnum):
    """A sale's, in the words of the answers. `no_such_order`: it was heard and forgotten at once."""

    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"
    PARTIAL = "partial"
    REFUSED = "refused"
    NO_SUCH_ORDER = "no_such_order"
    UNDER_REVIEW = "under_review"


class Pace(StrEnum):
    """When it ends: `soon` and `slowly` after the account's seconds."""

    AT_ONCE = "at_once"
    SOON = "soon"
    SLOWLY = "slowly"


class Answer(StrEnum):
    """To whoever places the order. `none`: they wait in vain. `page`: one of HTML, though all is well."""

    TOLD = "told"
    ACCEPTED = "accepted"
    NONE = "none"
    PAGE = "page"


class Call(StrEnum):
    """A callback. `forged` has a signature that is none; `misdirected` a good one, and names an order of nobody."""

    GOOD = "good"
    FORGED = "forged"
    MISDIRECTED = "misdirected"


@dataclass(frozen=True, kw_only=True)
class Play:
    """`returns`: whether what was taken comes back where it fails. `calls_first`: before the order is answered."""

    ends: Status = Status.DONE
    pace: Pace = Pace.SOON
    answer: Answer = Answer.TOLD
    calls: tuple[Call, ...] = (Call.GOOD,)
    calls_first: bool = False
    returns: bool = True


def _refused() -> Play:
    return Play(ends=Status.REFUSED, pace=Pace.AT_ONCE, calls=())


PLAYS = {
    Scenario.SUCCESS: Play(pace=Pace.AT_ONCE, calls=()),
    Scenario.SLOW: Play(pace=Pace.SLOWLY),
    Scenario.ACCEPT_THEN_FAIL: Play(ends=Status.FAILED),
    Scenario.TIMEOUT_THEN_SUCCESS: Play(answer=Answer.NONE),
    Scenario.TIMEOUT_THEN_NOTHING: Play(ends=Status.NO_SUCH_ORDER, pace=Pace.AT_ONCE, answer=Answer.NONE, calls=()),
    Scenario.PARTIAL: Play(ends=Status.PARTIAL),
    Scenario.CALLBACK_FIRST: Play(pace=Pace.AT_ONCE, answer=Answer.ACCEPTED, calls_first=True),
    Scenario.CALLBACK_TWICE: Play(calls=(Call.GOOD, Call.GOOD)),
    Scenario.CALLBACK_NEVER: Play(calls=()),
    Scenario.CALLBACK_FORGED: Play(calls=(Call.FORGED,)),
    Scenario.CALLBACK_MISDIRECTED: Play(calls=(Call.MISDIRECTED,)),
    Scenario.PRICE_CHANGED: _refused(),
    Scenario.BALANCE_SHORT: _refused(),
    Scenario.SOLD_OUT: _refused(),
    Scenario.BAD_ACCOUNT: _refused(),
    Scenario.HTML_PAGE: Play(pace=Pace.AT_ONCE, answer=Answer.PAGE, calls=()),
    Scenario.MONEY_KEPT: Play(ends=Status.FAILED, returns=False),
    Scenario.NEW_WORD: Play(ends=Status.UNDER_REVIEW, calls=()),
}

NUMBERS = {f"{number:02d}": scenario for number, scenario in enumerate(Scenario, start=1)}
"""An account is magic where it ends in `0000` and one of these, as `13800000002` does."""

_MAGIC_ACCOUNT = re.compile(r"0000([0-9]{2})\Z")


def scenario_of(item: str, account: list[str]) -> Scenario:
    """What the item says behind its point, or else the first of the account's fields that says something."""
    named = item.partition(".")[2]
    if named in set(Scenario):
        return Scenario(named)
    endings = (_MAGIC_ACCOUNT.search(value) for value in account)
    said = (NUMBERS.get(found[1]) for found in endings if found)
    return next((scenario for scenario in said if scenario), Scenario.SUCCESS)

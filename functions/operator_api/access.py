"""Who may do what in the back office: the groups of the caller's verified token."""

from enum import StrEnum

from keyrail.platform.changes import Origin
from keyrail.platform.errors import Denied
from keyrail.platform.http import Call


class Group(StrEnum):
    OPERATOR = "operator"
    FINANCE = "finance"
    SUPPORT = "support"
    AUDITOR = "auditor"
    ADMIN = "admin"


READ = frozenset(Group)
STOCK = frozenset({Group.OPERATOR, Group.ADMIN})
MONEY = frozenset({Group.FINANCE, Group.OPERATOR, Group.AUDITOR, Group.ADMIN})
PAYS_BACK = frozenset({Group.FINANCE, Group.ADMIN})
BUYS = frozenset({Group.FINANCE, Group.OPERATOR, Group.ADMIN})
AFTER_SALES = frozenset({Group.SUPPORT, Group.OPERATOR, Group.ADMIN})


class NotInGroup(Denied):
    code = "not_in_group"
    title = "Your groups do not allow this."
    title_zh = "您所在的用户组没有此权限。"


def allow(call: Call, groups: frozenset[Group], reason: str | None = None) -> Origin:
    """The operator as the origin of a change. Raises NotInGroup unless they are in one of `groups`."""
    if not is_in(call, groups):
        raise NotInGroup
    name = call.claims.get("username") or call.claims.get("cognito:username") or call.claims["sub"]
    return Origin(f"operator:{name}", call.address, reason)


def is_in(call: Call, groups: frozenset[Group]) -> bool:
    """For what only some of those who may ask are shown."""
    return bool(groups & _groups(call))


def _groups(call: Call) -> set[str]:
    """API Gateway flattens a list claim into `[a b]`; other gateways pass it on as a list."""
    claim = call.claims.get("cognito:groups") or ""
    names = claim.strip("[]").replace(",", " ").split() if isinstance(claim, str) else claim
    return {str(name) for name in names}

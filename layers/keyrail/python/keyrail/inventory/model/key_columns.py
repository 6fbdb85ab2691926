"""Which column of a supplier's file holds what, by the names that suppliers put on top of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class FileProblem(StrEnum):
    """Why nothing of a file was taken."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY_LINES = "too_many_lines"
    NOT_TEXT = "not_text"
    UNSUPPORTED_FORMAT = "unsupported_format"
    NO_CODE_COLUMN = "no_code_column"
    AMBIGUOUS_HEADER = "ambiguous_header"
    UNKNOWN_HEADER = "unknown_header"
    NO_KEY = "no_key"
    POOL_FULL = "pool_full"


class Unreadable(Exception):
    """The file as a whole cannot be taken."""

    def __init__(self, problem: FileProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True)
class Columns:
    """Positions; `count` is how many columns a line may have."""

    code: int
    password: int | None
    expiry: int | None
    count: int


# Of a file without a header.
POSITIONAL = Columns(code=0, password=1, expiry=2, count=3)


class _Name(StrEnum):
    NUMBER = "number"
    CODE = "code"
    PASSWORD = "password"  # a column's name
    EXPIRY = "expiry"


_SPELLINGS = {
    _Name.NUMBER: (
        "card cardno cardnum cardnumber cardid "
        "卡号 卡号码 卡片号码 卡片号 电子卡号 充值卡号 礼品卡号 券号 卡券号 卡券号码"
    ),
    _Name.CODE: (
        "code codes key keys cdk cdkey cardcode giftcode giftcardcode couponcode vouchercode coupon voucher promocode "
        "activationcode redeemcode redemptioncode licensekey productkey serialkey "
        "卡密 兑换码 激活码 券码 卡券码 优惠码 优惠券码 充值码 提货码 礼品码 串码 卡密兑换码 激活密钥 密钥"
    ),
    _Name.PASSWORD: (
        "password passwd pwd pass pin pincode cardpassword cardpin cardpwd 密码 卡密码 卡片密码 券密码 卡券密码"
    ),
    _Name.EXPIRY: (
        "expiry expires expireson expiresat expirydate expirationdate expiration expiredate expdate exp enddate "
        "validuntil validto validthru validthrough "
        "有效期 有效期至 有效期限 有效期截止 有效期到 有效日期 有效截止日期 到期日 到期日期 到期时间 "
        "截止日期 截止时间 失效日期 失效时间 过期日期 过期时间 使用期限"
    ),
}
_NAMES = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_DECORATION = str.maketrans(dict.fromkeys(" _-./:*'()[]\"", None))


def is_name(cell: str) -> bool:
    return _name(cell) is not None


def _name(cell: str) -> _Name | None:
    return _NAMES.get(cell.translate(_DECORATION).casefold())


def columns_of(cells: Sequence[str]) -> Columns | None:
    """The columns that a first line announces; None if it is no header but the first key.

    A line is a header if it has a known name and nothing beside it that looks like a value (has a digit).
    Card number and code without a password: the number names the card, the code is its secret.
    Raises Unreadable for a header whose meaning would have to be guessed.
    """
    names = [_name(cell) for cell in cells]
    unknown = [cell for cell, name in zip(cells, names, strict=True) if cell and name is None]
    if not any(names):
        if len(unknown) > 1 and not any(cell.isascii() for cell in unknown):
            raise Unreadable(FileProblem.UNKNOWN_HEADER)
        return None
    if any(character.isdigit() for cell in unknown for character in cell):
        return None
    if any(names.count(name) > 1 for name in _Name):
        raise Unreadable(FileProblem.AMBIGUOUS_HEADER)
    at = {name: position for position, name in enumerate(names) if name}
    if _Name.NUMBER in at and _Name.CODE in at:
        if _Name.PASSWORD in at:
            raise Unreadable(FileProblem.AMBIGUOUS_HEADER)
        at[_Name.PASSWORD] = at.pop(_Name.CODE)
    code = at.get(_Name.CODE, at.get(_Name.NUMBER))
    if code is None:
        raise Unreadable(FileProblem.NO_CODE_COLUMN)
    return Columns(code, at.get(_Name.PASSWORD), at.get(_Name.EXPIRY), len(cells))

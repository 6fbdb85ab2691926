"""Which column of a supplier's file holds what, by the names that suppliers put on top of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class FileProblem(StrEnum):
    """Why nothing of a file was taken; or, of one that was stopped, no more of it."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY_LINES = "too_many_lines"
    NOT_TEXT = "not_text"
    UNSUPPORTED_FORMAT = "unsupported_format"
    NO_CODE_COLUMN = "no_code_column"
    AMBIGUOUS_HEADER = "ambiguous_header"
    UNKNOWN_HEADER = "unknown_header"
    SEVERAL_SHEETS = "several_sheets"
    NO_KEY = "no_key"
    TOO_MANY_KEYS = "too_many_keys"
    POOL_FULL = "pool_full"
    STOPPED = "stopped"
    FILE_GONE = "file_gone"


class Unreadable(Exception):
    """The file as a whole cannot be taken."""

    def __init__(self, problem: FileProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True)
class Columns:
    """Positions; `count` is how many columns a line may have.

    `unnamed` are those behind the code that the header says nothing of, where it names no password: what stands there
    may be one, as under a name that was merged over two columns.
    """

    code: int
    count: int
    password: int | None = None
    expiry: int | None = None
    face_value: int | None = None
    label: int | None = None
    unnamed: tuple[int, ...] = ()

    def agrees_with(self, other: "Columns") -> bool:
        """Whether another header, or the positions of a file without one, say the same of the columns here."""
        theirs = (
            at if at is not None and at < self.count else None for at in (other.code, other.password, other.expiry)
        )
        return (self.code, self.password, self.expiry) == tuple(theirs)


# Of a file without a header.
POSITIONAL = Columns(code=0, password=1, expiry=2, count=3)


class _Name(StrEnum):
    NUMBER = "number"
    CODE = "code"
    PASSWORD = "password"  # a column's name
    EXPIRY = "expiry"
    FACE_VALUE = "face_value"
    AMOUNT = "amount"
    LABEL = "label"


# Without one of them a line is no header of a key file, whatever else it may be the header of.
_OF_A_KEY = frozenset({_Name.NUMBER, _Name.CODE, _Name.PASSWORD, _Name.EXPIRY})

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
    _Name.FACE_VALUE: (
        "facevalue faceamount denomination denom parvalue nominalvalue cardvalue "
        "面值 面额 卡面值 卡面额 卡片面值 券面值 券面额 卡券面值 面值元 面额元 充值面值"
    ),
    # The face value, too, where no other column is named for it; else it may be a price.
    _Name.AMOUNT: "amount value 金额 卡金额 金额元 价值 充值金额",
    _Name.LABEL: "label publiclabel publicnumber vanitynumber 靓号 号码 公开号码",
}
_NAMES = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_DECORATION = str.maketrans(dict.fromkeys(" \n_-./:*'()[]\"（）【】：", None))
_HINT = re.compile(r"\([^()]*\)|（[^（）]*）|【[^【】]*】|\[[^\[\]]*\]")


def is_name(cell: str) -> bool:
    return _name(cell) is not None


def is_title(cells: Sequence[str]) -> bool:
    """Whether this may stand above a header, and say what all of it is: one text, and no code."""
    filled = [cell for cell in cells if cell]
    return len(filled) == 1 and not filled[0].isascii()


def _name(cell: str) -> _Name | None:
    """A hint in brackets, as in 密码（必填）, may be part of the name or not."""
    spelled = (text.translate(_DECORATION).casefold() for text in (cell, _HINT.sub("", cell)))
    return next((_NAMES[spelling] for spelling in spelled if spelling in _NAMES), None)


def columns_of(cells: Sequence[str]) -> Columns | None:
    """The columns that a first line announces; None if it is no header but the first key.

    A line is a header if it has a known name and nothing beside it that looks like a value (has a digit). A name with a
    digit, as in 密码2, is neither: it may be what a known one beside it is taken for.
    Card number and code without a password: the number names the card, the code is its secret.
    Raises Unreadable for a header whose meaning would have to be guessed.
    """
    names = [_name(cell) for cell in cells]
    if not _OF_A_KEY & set(names):
        named = [cell for cell in cells if cell]
        if len(named) > 1 and not any(cell.isascii() for cell in named):
            raise Unreadable(FileProblem.UNKNOWN_HEADER)
        return None
    unknown = [cell for cell, name in zip(cells, names, strict=True) if cell and name is None]
    numbered = [cell for cell in unknown if any(character.isdigit() for character in cell)]
    if any(cell.isascii() for cell in numbered):
        return None
    if numbered:
        raise Unreadable(FileProblem.UNKNOWN_HEADER)
    if _Name.FACE_VALUE not in names:
        names = [_Name.FACE_VALUE if name is _Name.AMOUNT else name for name in names]
    if any(names.count(name) > 1 for name in _Name if name is not _Name.AMOUNT):
        raise Unreadable(FileProblem.AMBIGUOUS_HEADER)
    empty = [position for position, cell in enumerate(cells) if not cell]
    return _columns({name: position for position, name in enumerate(names) if name}, len(cells), empty)


def _columns(at: dict[_Name, int], count: int, empty: Sequence[int]) -> Columns:
    if _Name.NUMBER in at and _Name.CODE in at:
        if _Name.PASSWORD in at:
            raise Unreadable(FileProblem.AMBIGUOUS_HEADER)
        at[_Name.PASSWORD] = at.pop(_Name.CODE)
    code = at.get(_Name.CODE, at.get(_Name.NUMBER))
    if code is None:
        raise Unreadable(FileProblem.NO_CODE_COLUMN)
    return Columns(
        code=code,
        password=at.get(_Name.PASSWORD),
        expiry=at.get(_Name.EXPIRY),
        count=count,
        face_value=at.get(_Name.FACE_VALUE),
        label=at.get(_Name.LABEL),
        unnamed=() if _Name.PASSWORD in at else tuple(position for position in empty if position > code),
    )

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

    `unnamed` are those of which the header says nothing that is understood: what stands there may be the password of a
    line that has none, as under a name that was merged over two columns. `unknown` are those under a name that may be a
    secret's: where no password is named, any that is not known to be harmless.
    """

    code: int
    count: int
    password: int | None = None
    expiry: int | None = None
    face_value: int | None = None
    label: int | None = None
    unnamed: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()

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
        "卡密 兑换码 激活码 券码 卡券码 优惠码 优惠券码 充值码 提货码 礼品码 串码 卡密兑换码 激活密钥 密钥 卡密内容"
    ),
    _Name.PASSWORD: (
        "password passwd pwd pw pass passcode pin pincode pinno pinnumber secret secretcode securitycode cvv cvc "
        "cardpassword cardpin cardpwd cardpw cardpass cardsecret "
        "密码 卡密码 卡片密码 券密码 卡券密码 卡密密码 密码串 口令 提取码 提取密码 取件码 验证码 提货密码 兑换密码 "
        "充值密码 礼品卡密码 充值卡密码 电子卡密码"
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

# Reviewed one by one: of a column with such a name it is known that it holds no secret.
_HARMLESS_SPELLINGS = (
    "note notes remark remarks comment comments memo description desc no num index row id item batch batchno "
    "batchid lot status state product productname productid sku skuid brand goods name title type category spec "
    "price unitprice cost currency region country server quantity qty count order orderno ordernumber orderid "
    "orderdate source supplier channel date time created createdat createdate creationdate startdate validfrom "
    "issuedate issued 备注 备注信息 说明 描述 序号 行号 编号 流水号 批次 批次号 批号 状态 商品 商品名 商品名称 "
    "商品编号 商品编码 产品 产品名称 产品编号 品名 品牌 名称 类型 卡种 种类 分类 规格 型号 单价 价格 售价 进价 "
    "成本 成本价 币种 地区 区域 国家 区服 数量 张数 订单 订单号 订单编号 订单日期 来源 渠道 供应商 供货商 时间 "
    "日期 创建时间 创建日期 生成时间 生成日期 制卡日期 入库时间 入库日期 采购日期 购买日期 发货时间 发货日期 "
    "开始时间 开始日期 生效时间 生效日期 起始日期"
)
_HARMLESS = frozenset(_HARMLESS_SPELLINGS.split())
# What a name is made of, where it is none that is known; and what makes it a secret's even beside a password.
_WORDS_OF_NAMES = (
    "access account activation card code codes coupon credential customer digital e egift electronic email gift id key "
    "license login mail name no num number of password passcode phrase pin product promo redeem redemption scratch "
    "secret security serial sn the token url user username value verification voucher web"
)
_WORDS = frozenset(_WORDS_OF_NAMES.split())
_CHINESE_NAME = re.compile(r"[\u4e00-\u9fff]{1,6}[号码密令名串期量额注态]")
_OF_A_CARD = re.compile(r"^(?:卡密|卡券|卡片|卡|券)(?=.)")
_OF_A_SECRET = re.compile(r"密|口令|账号|帐号|pin|pass|pw|secret|cvv|cvc|account|login|user", re.IGNORECASE)
_DECORATION = str.maketrans(dict.fromkeys(" \t\n_-./:*'()[]\"（）【】：", None))
_BETWEEN_NAMES = re.compile(r"[\s,;|/、:\\&+]+|-{2,}")
_DIGIT = re.compile(r"[0-9]")
_HINT = re.compile(r"\([^()]*\)|（[^（）]*）|【[^【】]*】|\[[^\[\]]*\]")


def is_name(cell: str) -> bool:
    return _name(cell) is not None


def are_names(cells: Sequence[str]) -> bool:
    """Whether nothing but names of columns stands here, one of them a key's, whoever may know what they all mean."""
    filled = [cell for cell in cells if cell]
    if not filled or any(map(_DIGIT.search, filled)):
        return False
    names = [_name(cell) for cell in filled]
    others = [cell for cell, name in zip(filled, names, strict=True) if name is None and not _is_harmless(cell)]
    if not all(_is_worded(cell) or _CHINESE_NAME.fullmatch(cell) for cell in others):
        return False
    return bool(_OF_A_KEY & set(names)) or any(map(_is_worded, others))


def hides_names(text: str) -> bool:
    """Whether one text may name several columns, and their order with them, as in 密码/卡号 or 口令 卡号."""
    parts = parted(text)
    if not parts[1:] or _DIGIT.search(text):
        return False
    named = any(_name(part) in _OF_A_KEY for part in parts)
    return named and (not text.isascii() or are_names(parts))


def parted(text: str) -> list[str]:
    return [part for part in _BETWEEN_NAMES.split(text) if part]


def _is_harmless(cell: str) -> bool:
    """A hint in brackets may not make it a secret's, as in 备注（密码）."""
    if any(map(_OF_A_SECRET.search, _HINT.findall(cell))):
        return False
    return _OF_A_CARD.sub("", _HINT.sub("", cell).translate(_DECORATION).casefold()) in _HARMLESS


def _is_worded(cell: str) -> bool:
    """Made of the words of which English names of columns are made."""
    return set(re.split(r"[\s_./-]+", cell.casefold().strip(" :*._-"))) <= _WORDS


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
    digit, as in 密码2, is neither: it may be what a known one beside it is taken for. So is any value, where two known
    names or one in Chinese stand beside it: no key is made of those.
    Card number and code without a password: the number names the card, the code is its secret.
    Raises Unreadable for a header whose meaning would have to be guessed.
    """
    names = [_name(cell) for cell in cells]
    if not _OF_A_KEY & set(names):
        named = [cell for cell in cells if cell]
        if len(named) > 1 and not any(cell.isascii() for cell in named):
            raise Unreadable(FileProblem.UNKNOWN_HEADER)
        if are_names(named):
            raise Unreadable(FileProblem.UNKNOWN_HEADER)
        return None
    unknown = [cell for cell, name in zip(cells, names, strict=True) if cell and name is None]
    numbered = [cell for cell in unknown if any(character.isdigit() for character in cell)]
    known = [cell for cell, name in zip(cells, names, strict=True) if name in _OF_A_KEY]
    if len(known) == 1 and known[0].isascii() and any(cell.isascii() for cell in numbered):
        return None
    if numbered:
        raise Unreadable(FileProblem.UNKNOWN_HEADER)
    if _Name.FACE_VALUE not in names:
        names = [_Name.FACE_VALUE if name is _Name.AMOUNT else name for name in names]
    if any(names.count(name) > 1 for name in _Name if name is not _Name.AMOUNT):
        raise Unreadable(FileProblem.AMBIGUOUS_HEADER)
    return _columns({name: position for position, name in enumerate(names) if name}, cells)


def _columns(at: dict[_Name, int], cells: Sequence[str]) -> Columns:
    if _Name.NUMBER in at and _Name.CODE in at:
        if _Name.PASSWORD in at:
            raise Unreadable(FileProblem.AMBIGUOUS_HEADER)
        at[_Name.PASSWORD] = at.pop(_Name.CODE)
    code = at.get(_Name.CODE, at.get(_Name.NUMBER))
    if code is None:
        raise Unreadable(FileProblem.NO_CODE_COLUMN)
    has_password = _Name.PASSWORD in at
    strange = {at for at, cell in enumerate(cells) if cell and _name(cell) is None and not _is_harmless(cell)}
    unknown = {at for at in strange if not has_password or _OF_A_SECRET.search(cells[at])}
    empty = {at for at, cell in enumerate(cells) if not cell}
    return Columns(
        code=code,
        password=at.get(_Name.PASSWORD),
        expiry=at.get(_Name.EXPIRY),
        count=len(cells),
        face_value=at.get(_Name.FACE_VALUE),
        label=at.get(_Name.LABEL),
        unnamed=tuple(sorted(empty | strange - unknown)),
        unknown=tuple(sorted(unknown)),
    )

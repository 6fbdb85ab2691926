"""What recharges ask for, as merchants write it."""

from keyrail.catalog.account_fields import AccountField, Choice, FieldKind

PHONE = AccountField(name="phone", label="Mobile number", label_zh="手机号码", kind=FieldKind.PHONE)
QQ = AccountField(
    name="qq",
    label="QQ number",
    label_zh="QQ号",
    kind=FieldKind.DIGITS,
    pattern="[1-9][0-9]*",
    min_length=5,
    max_length=11,
)
ROLE = AccountField(name="role", label="Role", label_zh="角色名", kind=FieldKind.TEXT, max_length=12)
NOTE = AccountField(name="note", label="Note", label_zh="备注", kind=FieldKind.TEXT, required=False)
REGION = AccountField(
    name="region",
    label="Region",
    label_zh="大区",
    kind=FieldKind.CHOICE,
    choices=(
        Choice(value="android", label="Android", label_zh="安卓"),
        Choice(value="ios", label="iOS", label_zh="苹果"),
    ),
)
SERVER = AccountField(
    name="server",
    label="Server",
    label_zh="区服",
    kind=FieldKind.CHOICE,
    depends_on="region",
    choices=(
        Choice(value="1", label="Dragon 1", label_zh="青龙1区", within=("android",)),
        Choice(value="1", label="Phoenix 1", label_zh="凤凰1区", within=("ios",)),
        Choice(value="2", label="Dragon 2", label_zh="青龙2区", within=("android",)),
        Choice(value="测试服", label="Test", label_zh="测试服", within=("android", "ios")),
    ),
)
GAME = (QQ, REGION, SERVER, NOTE)
GAME_ACCOUNT = {"qq": "10001", "region": "android", "server": "2"}

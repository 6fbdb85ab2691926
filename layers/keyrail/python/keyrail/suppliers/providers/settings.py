"""What the settings of every supplier have in common. Each adapter checks the rest of its own."""

from keyrail.platform.config import ConfigError, is_setting

MAX_READ_TIMEOUT_S = 10
LOOK_TIMEOUT_S = 4  # for what is only looked up, before an order or after a refusal
MAX_SETTLEMENT_HOURS = 30 * 24  # older orders are no longer found by everybody
HOUR_MS = 60 * 60 * 1000


def check_credentials(provider: str, **credentials: object) -> None:
    """Raises ConfigError for what could be in no header, or under no signature that both sides make alike."""
    for name, value in credentials.items():
        if not is_setting(value) or not (value.isascii() and value.isprintable()):
            raise ConfigError(f"{provider}.{name}")


def check_times(provider: str, settlement_hours: object, read_timeout_s: object) -> None:
    """Raises ConfigError."""
    for name, number, most in (
        ("settlement_hours", settlement_hours, MAX_SETTLEMENT_HOURS),
        ("read_timeout_s", read_timeout_s, MAX_READ_TIMEOUT_S),
    ):
        if type(number) is not int or not 1 <= number <= most:
            raise ConfigError(f"{provider}.{name}")

"""The port to whatever keeps the master keys."""

from typing import Protocol


class KeyWrapper(Protocol):
    """Wraps data keys under one master key; `context` must be the same on both ways. All raise Unavailable."""

    def generate(self, context: dict[str, str]) -> tuple[bytes, bytes]:
        """A fresh 256-bit data key: in the clear, and wrapped."""
        ...

    def generate_wrapped(self, context: dict[str, str]) -> bytes:
        """A fresh 256-bit data key that this process never sees in the clear."""
        ...

    def unwrap(self, wrapped: bytes, context: dict[str, str]) -> bytes:
        """Raises SecretUnreadable for what was wrapped elsewhere or for another context."""
        ...

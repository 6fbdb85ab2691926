"""Money in and money back: attempts, what providers say of them, refunds, statements, the desk. Pure."""

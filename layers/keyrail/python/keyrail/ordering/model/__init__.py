"""An order's life: what was asked, what it costs, who paid, what went out. Pure."""

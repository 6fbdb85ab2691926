"""The back office's wire format. Everything that changes something takes a `reason`."""

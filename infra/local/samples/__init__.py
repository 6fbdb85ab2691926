"""What suppliers send, made up: for the demo and for whoever tries the stack."""

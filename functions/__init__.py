"""One folder a Lambda function: parse, call one use case, render."""

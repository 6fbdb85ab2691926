"""What keyrail costs, counted: requests, capacity units, KMS calls, and import time as a ratio."""

"""The ledger under load, and beside other task queues: `python -m bench.ledger run`."""

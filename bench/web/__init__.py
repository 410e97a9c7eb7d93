"""The gateway's pages before a full ledger: how long they take and what they weigh."""

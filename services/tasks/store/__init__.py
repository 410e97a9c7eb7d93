"""The ledger's SQL.

Locks are always taken in one order, so that no two transactions wait for each other: worker, task, owner, queue.
"""

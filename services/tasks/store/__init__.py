"""The ledger's SQL.

Locks are always taken in one order, so that no two transactions wait for each other: worker, task, owner, queue. Only
admission and its undoing, whose tasks are nobody's yet, begin with the queue; they wait for nothing after it.
"""

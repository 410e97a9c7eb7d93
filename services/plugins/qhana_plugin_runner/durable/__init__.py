"""Celery tasks that survive their worker, its child, and brokers that forget.

`publishing` keeps every message before it is sent, `claims` lets one copy of it run and notes its end, `request` hears
of lost children, `keeper` runs in each worker's main process: it renews leases, stops what was cancelled and sends
again what was lost; `ending` fails what was lost too often. What they write is in `ledger`.

A task may run more than once: a child that is killed after its work and before it said so did it for nothing.
"""

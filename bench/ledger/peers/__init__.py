"""Celery and RQ as their documentation recommends them, and the client that asks them and us alike."""

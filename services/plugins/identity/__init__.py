"""Who calls the host, where people have to sign in: the gate before everything, and what plugins learn of it."""

"""Which models are at hand: fitted into memory, measured, let go when others need the room."""

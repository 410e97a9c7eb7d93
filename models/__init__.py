"""The bundled model: the small world it knows, and the code that trained and measured it."""

"""Other ways to serve the same pipeline, each in an environment of its own and written as its documentation shows."""

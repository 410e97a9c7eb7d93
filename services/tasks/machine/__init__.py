"""The machine as staff see it: everybody's tasks, the workers, and what staff did."""

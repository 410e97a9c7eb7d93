"""The workers, and what passes between them and the tasks that they are given."""

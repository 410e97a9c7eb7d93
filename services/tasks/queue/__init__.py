"""The line of tasks: who may join, where each stands and when it starts, and what a crash left of it."""

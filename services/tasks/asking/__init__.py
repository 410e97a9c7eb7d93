"""What is asked for: checked against what a model can do, filled in with its defaults, priced."""

"""What the stack adds to the model."""

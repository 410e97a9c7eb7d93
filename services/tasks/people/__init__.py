"""What follows from people coming, leaving, and being gone for good."""

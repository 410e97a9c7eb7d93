"""The tick loop: requests of many people share each forward. Knows models by two ports, and nothing of torch."""

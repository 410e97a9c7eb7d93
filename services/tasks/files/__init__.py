"""Pictures: those that were drawn, those that people bring, those that all may see; and where they are kept."""

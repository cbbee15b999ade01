"""What there is in the library, and questions about it."""

"""One module an operation family; each key of a phase is a class here that knows what it does."""

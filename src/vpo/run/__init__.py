"""One run: request, coordinator, workers, progress, and what is known from earlier runs."""

"""One run: request, coordinator, workers, progress, and compliance records of earlier runs."""

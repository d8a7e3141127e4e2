"""One run: from a snapshot of the source to the two commits. pipeline.py tells it in order."""

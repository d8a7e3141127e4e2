"""Whether source, raw and marts are equal, and where they are not."""

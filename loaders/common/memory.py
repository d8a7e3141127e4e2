"""Which of Arrow's allocators the loaders take."""

import pyarrow as pa


def keep_little() -> None:
    """Take jemalloc, where Arrow was built with it: of what one thread gets and another frees, mimalloc keeps more."""
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())

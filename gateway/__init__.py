"""A callback gateway: the domestic box takes the number, the overseas box calls back."""

import os

# Must stand before numpy's first import: matrices here are small, and OpenBLAS's threads burn a second core on them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

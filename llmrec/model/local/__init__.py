"""Models whose weights lie in this process's memory, run by transformers."""

import os

# By default OpenMP's threads spin while they wait. Two processes on the same cores then slow each other
# down some thirty times. Read when torch is first imported; a setting of the user's own holds.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

"""How many threads a process that works for us gets, said to all numeric libraries before they are loaded."""

# One thread for each process: libraries that count the machine's cores instead of the free ones slow each
# other down 8 to 70 times by busy waiting.  PASSIVE mends torch where somebody does ask for more threads.
THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
}

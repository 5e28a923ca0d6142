# SPDX-License-Identifier: BSD-3-Clause
"""mpi4py.futures, one worker:

    mpirun -np 2 python3 -m mpi4py.futures mpi4py_futures.py

Its tasks take no futures as arguments, so that a chain is a round trip a step.
"""
from mpi4py.futures import MPIPoolExecutor

from workloads import measure


def main():
    with MPIPoolExecutor() as pool:
        def chain(function, value, steps):
            for _ in range(steps):
                value = pool.submit(function, value).result()
            return value

        measure(lambda function, values: pool.map(function, values,
                                                  chunksize=1),
                chain,
                lambda function, value: pool.submit(function, value).result(),
                tasks=5000, steps=1000)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: BSD-3-Clause
"""dask.distributed, one worker process with one thread, on this machine."""
import logging

from distributed import Client, LocalCluster

from workloads import measure


def main():
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True,
                      dashboard_address=None,
                      silence_logs=logging.ERROR) as cluster, \
            Client(cluster) as client:
        def map_all(function, values):
            return client.gather(client.map(function, values, pure=False))

        def chain(function, value, steps):
            for _ in range(steps):
                value = client.submit(function, value, pure=False)
            return value.result()

        measure(map_all, chain,
                lambda function, value: client.submit(
                    function, value, pure=False).result(),
                tasks=1000, steps=200)


if __name__ == "__main__":
    main()

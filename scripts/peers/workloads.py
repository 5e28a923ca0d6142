# SPDX-License-Identifier: BSD-3-Clause
"""The workloads of `scripts/bench-peers`, for peers that are Python modules.

measure() prints one line each: the workload, the median and its unit. A peer
gives three functions: map_all(function, values) runs independent tasks and
returns their results; chain(function, value, steps) runs dependent ones and
returns the last result; one(function, value) runs a task and returns its
result.
"""
import statistics
import time

RUNS = 3


def twice(x):
    """The empty task: a number in, a number out."""
    return 2 * x


def count_on(value):
    """One step of the chain: 16 bytes in, 16 bytes out."""
    return (int.from_bytes(value, "little") + 1).to_bytes(16, "little")


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median(work):
    """Of some runs, after one that warms up."""
    work()
    return statistics.median(seconds(work) for _ in range(RUNS))


def measure(map_all, chain, one, tasks, steps):
    def all_tasks():
        assert list(map_all(twice, range(tasks))) == [2 * i for i in
                                                      range(tasks)]

    def all_steps():
        last = chain(count_on, bytes(16), steps)
        assert int.from_bytes(last, "little") == steps

    def one_by_one():
        for i in range(steps):
            assert one(twice, i) == 2 * i

    print(f"tasks {tasks / median(all_tasks):.6g} 1/s")
    print(f"chain {median(all_steps) / steps * 1e6:.6g} us")
    print(f"latency {median(one_by_one) / steps * 1e6:.6g} us", flush=True)

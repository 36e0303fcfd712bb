"""Nodes with Dask workers, as processes of this machine: what a batch job starts on each of its nodes.

    nodes.py SCHEDULER_ADDRESS FOLDER

Reads `start NODE WORKERS` from standard input, once for each node, and ends when that does. Each node is a
process that forks its workers after importing Dask, so that 64 of them start in seconds; each worker is a
process of its own with one thread and a memory limit, without a nanny.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from distributed import Worker


def work(address: str, folder: str, name: str) -> None:
    async def main() -> None:
        worker = await Worker(
            address,
            name=name,
            nthreads=1,
            memory_limit="4GB",
            local_directory=folder,
            host="127.0.0.1",
            dashboard=False,
            # a node of a hundred processes on two cores is slow to answer
            death_timeout=120,
        )
        await worker.finished()

    asyncio.run(main())


def node(address: str, folder: str, name: str, workers: int) -> None:
    for index in range(workers):
        if os.fork() == 0:
            os.environ["RAYON_NUM_THREADS"] = "1"
            work(address, folder, f"{name}-{index}")
            os._exit(0)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def main() -> None:
    address, folder = sys.argv[1:]
    os.setpgid(0, 0)
    for line in sys.stdin:
        _, name, workers = line.split()
        if os.fork() == 0:
            # a node does not wait for orders
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            node(address, folder, name, int(workers))
            os._exit(0)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()

"""Arrays that clients of Python on the same cluster share with a notebook: parts that a notebook has left on the workers as a
`dask.array`, and the other way.

A part is numbers one after the other in memory (`worker.take`); what shape they have the notebook says.
"""

from __future__ import annotations

import itertools
import uuid

import distributed
import protocol
from carried import worker as worker_module
from clusters import OpenCluster
from connection import Wrong


def dask_array():
    try:
        import dask.array
    except ImportError as problem:
        raise Wrong(f"arrays of others need `dask.array` in the Python of the notebook's Dask client: {problem}; pip install 'dask[array]'") from None
    return dask.array


async def publish(cluster: OpenCluster, head: protocol.PublishArray, futures: list) -> None:
    """Publishes parts as one array: row after row of its blocks."""
    name, client = f"ferrolab-{uuid.uuid4().hex}", cluster.client
    graph = {}
    for (_, slot), future, index in zip(head.parts, futures, itertools.product(*(range(len(axis)) for axis in head.chunks))):
        shape = tuple(axis[i] for axis, i in zip(head.chunks, index))
        graph[(name, *index)] = client.submit(worker_module.block, future, slot, shape, head.dtype, key=f"{name}-{'-'.join(map(str, index))}", pure=False)
    array = dask_array().Array(graph, name, tuple(map(tuple, head.chunks)), dtype=head.dtype)
    await client.publish_dataset(array, name=head.name, override=True)


async def dataset(cluster: OpenCluster, head: protocol.Dataset) -> protocol.Published:
    """The parts of an array that somebody has published; the notebook holds them from now on."""
    client, arrays = cluster.client, dask_array()
    try:
        data = await client.get_dataset(head.name)
    except KeyError:
        known = ", ".join(sorted(map(str, await client.list_datasets()))) or "none"
        raise Wrong(f"nobody has published `{head.name}` on this cluster: there is {known}") from None
    if not isinstance(data, arrays.Array):
        raise Wrong(f"`{head.name}` is no dask.array but a {type(data).__name__}")
    if data.dtype.newbyteorder("=") != head.dtype:
        raise Wrong(f"`{head.name}` has elements of {data.dtype}, not {head.dtype}: read it as what it is, then `.cast()`")
    if any(length != length for axis in data.chunks for length in axis):
        raise Wrong(f"`{head.name}` has chunks of unknown lengths: publish it after `compute_chunk_sizes()`")
    run = f"array-{uuid.uuid4().hex}"
    blocks = {future.key: future for future in distributed.futures_of(client.persist(data))}
    for number, index in enumerate(itertools.product(*(range(count) for count in data.numblocks))):
        future = client.submit(worker_module.flat, blocks[(data.name, *index)], head.dtype, key=f"{run}-{number}", pure=False)
        future.ferrolab = (None, [])
        cluster.results[future.key] = future
    return protocol.Published(run, [list(axis) for axis in data.chunks])

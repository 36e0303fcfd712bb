"""Code for workers with lesser processors than the notebook's: which level they get, and how code for it comes to them.

The notebook compiles it when it is first wanted (`cluster/code.rs`); here it is only asked for, kept and passed on.
"""

from __future__ import annotations

import uuid

import protocol
from carried import worker as worker_module
from connection import Connection, Wrong
from fit import some


async def settle(cluster, there: dict[str, dict], names: dict[str, str]) -> None:
    """Workers that are new get code for the best level that all of them have. `there` is what they say of themselves, by
    address."""
    level = cluster.needs.level(list(there.values()), cluster.level)
    if level and level not in cluster.levels:
        lesser = {names[address]: cluster.needs.missing(machine) for address, machine in there.items()}
        lesser = {name: missing for name, missing in lesser.items() if missing}
        lost = some(sorted(set().union(*lesser.values())))
        cluster.tell(f"{some(sorted(lesser))}: a processor without {lost}; code for the cluster is compiled for {level}")
        cluster.levels.append(level)
        cluster.level = cluster.level or level
    await cluster.client.run(worker_module.settle, cluster.needs.layers, level, workers=list(there), on_error="ignore")


async def provide(cluster, connection: Connection, code: dict, levels: list[str]) -> None:
    """Sees to it that workers have this code for these levels. It is compiled once."""
    name = worker_module.name_of(code)
    async with cluster.providing:
        fresh = {}
        for level in levels:
            if (name, level) in cluster.variants:
                continue
            answer = await connection.ask(protocol.Wanted(level, code))
            if answer.code is None:
                raise Wrong(f"code for {level}, which some workers need, cannot be had: {answer.problem}")
            fresh[name, level] = answer.code
        if fresh:
            await cluster.client.register_plugin(worker_module.Variant(f"ferrolab-variant-{uuid.uuid4().hex[:8]}", fresh))
            cluster.variants.update(fresh)


def objects_of(cluster, code: dict) -> dict:
    """Code with the objects of all its variants, for whoever looks for one of them by its name."""
    name = worker_module.name_of(code)
    others = [other["objects"] for (known, _), other in cluster.variants.items() if known == name]
    return {**code, "objects": [*code["objects"], *(item for objects in others for item in objects)]}

"""Schedules that Halide's autoschedulers find, as the same data as hand-written ones.

A search runs once, in a worker process with limits on time and memory, on the plain lowering of a program (one without
stages of native code, which autoschedulers know nothing of). What it prints is read into ops
(:mod:`schedules.automatic.dialect`), which are kept (:mod:`schedules.store`) and from then on applied like those of any
schedule: no plug-in, no search.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schedules import store, targets
from schedules.errors import CompileError, ScheduleError
from schedules.schedule import Schedule

#: What makes a lowering one that any scheduler can take.
PLAIN = {"lowering": "plain"}
#: Seconds a search may take unless it is said otherwise.
PATIENCE = 120.0
#: Tasks that schedules are made for at least. More than a machine has cores costs little, fewer leaves cores idle.
_PARALLELISM = 16


@dataclass(frozen=True)
class Autoscheduler:
    """One of Halide's autoschedulers.

    Attributes
    ----------
    plugin : str
        Halide's name for it.
    cpus, devices : bool
        What it makes schedules for.
    parameters : mapping
        What it is given beside the parallelism.
    on_devices : mapping
        What it is given in addition for devices.
    knobs : mapping
        Parameters that change what is found, with values worth trying.
    """

    plugin: str
    cpus: bool
    devices: bool
    parameters: Mapping[str, int] = field(default_factory=dict)
    on_devices: Mapping[str, int] = field(default_factory=dict)
    knobs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


AUTOSCHEDULERS: dict[str, Autoscheduler] = {
    "mullapudi2016": Autoscheduler(
        "Mullapudi2016",
        cpus=True,
        devices=True,
        on_devices={"experimental_gpu_schedule": 1},  # without it, it makes schedules for CPUs, and does not say so
        knobs={"parallelism": (2, 64), "last_level_cache_size": (1 << 18, 1 << 20), "balance": (10, 160)},
    ),
    # Beams wider than one take minutes on pyramids, and find nothing better there.
    "adams2019": Autoscheduler(
        "Adams2019",
        cpus=True,
        devices=False,
        parameters={"beam_size": 1},
        knobs={"parallelism": (2, 64), "beam_size": (4,), "random_dropout": (80,)},
    ),
    "li2018": Autoscheduler("Li2018", cpus=True, devices=True, knobs={"parallelism": (2, 64)}),
    "anderson2021": Autoscheduler("Anderson2021", cpus=False, devices=True),
}


def able(device: str | None) -> list[str]:
    """Name the autoschedulers that make schedules for a device, or for CPUs."""
    return [name for name, each in AUTOSCHEDULERS.items() if (each.devices if device else each.cpus)]


def find(request: Mapping[str, Any], name: str, label: str, seconds: float = PATIENCE, **parameters: int) -> Schedule:
    """Give the schedule that an autoscheduler has for a program: the known one, or what a search finds.

    For devices only known ones are given, which ran there and gave the right pixels: of those that Halide 21's
    autoschedulers find some do not, or write beyond their memory.

    Parameters
    ----------
    request : mapping
        The request for a kernel, whose schedule is looked for.
    name : str
        A key of :data:`AUTOSCHEDULERS`.
    label : str
        What to call the program in messages.
    seconds : float
        What a search may take.
    **parameters
        Parameters of the autoscheduler, over those it has by default.

    Raises
    ------
    ScheduleError
        If it makes no schedules for such a target, finds none within its limits, or says what cannot be applied.
    """
    wanted = search_request(request, name, label, parameters)
    known = store.find(store.key(wanted, wanted["autoscheduler"]))
    if known is None and targets.device(wanted["target"]):
        raise ScheduleError(f"{label}: {name} has no schedule for devices that was tried out on one; 'manual' has")
    return known if known is not None else search(wanted, label, seconds)[0]


def search_request(
    request: Mapping[str, Any], name: str, label: str, parameters: Mapping[str, int] = {}
) -> dict[str, Any]:
    """Describe the search for a schedule to a worker: a program, a family of targets, an autoscheduler."""
    scheduler, target = AUTOSCHEDULERS[name], request["target"]
    device = targets.device(target)
    if name not in able(device):
        others = ", ".join(able(device))
        raise ScheduleError(f"{label}: {name} makes no schedules for {'devices' if device else 'CPUs'}; {others} do")
    given = {"parallelism": _PARALLELISM, **scheduler.parameters}
    given |= {**(scheduler.on_devices if device else {}), **parameters}
    return {
        "kind": "schedule",
        "lowering": request["lowering"],
        "program": request["program"],
        "schedule": Schedule(PLAIN).to_json(),
        "target": targets.family(target),
        "autoscheduler": {"name": name, "plugin": scheduler.plugin, "parameters": given},
    }


def search(wanted: Mapping[str, Any], label: str, seconds: float = PATIENCE) -> tuple[Schedule, dict[str, Any]]:
    """Run a search in a worker; give the schedule, and what else the worker says of it."""
    from schedules.native import compile as native

    name, parameters = wanted["autoscheduler"]["name"], wanted["autoscheduler"]["parameters"]
    told = f"{label}: {name} {json.dumps(parameters)}"
    try:
        _, entry, _ = native.obtain(wanted, f"a schedule by {name} for {label}", seconds=seconds)
    except CompileError as error:
        raise ScheduleError(f"{told} found no schedule: {error}") from None
    return Schedule.from_json(entry.meta["schedule"]), entry.meta

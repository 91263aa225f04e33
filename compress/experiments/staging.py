"""Pruning in stages, before training and within it, beside pruning behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from compress.experiments.experiment import LONG, SHORT, Experiment, Plan, Trained
from compress.experiments.results import Results, beside, by_rate
from compress.stages import Staged, staged

#: The epoch of the report behind which stages prune again.
_BETWEEN = 30
_NOTES = (
    "In stages: both prunings remove the same share of what is there. Trained first: the whole network, pruned and "
    "trained on. Seconds are of all epochs; pruning and tests are not counted.",
    "Products: those of all epochs in stages, of those trained first.",
)


def staging(plan: Plan, rates: Sequence[float]) -> Results:
    """Compare pruning in stages with pruning of what has been trained, as the report does with others.

    Parameters
    ----------
    plan : Plan
        What is trained with.
    rates : sequence of float
        Shares of the parameters that are removed in all.

    References
    ----------
    Maeda: Report on project 21K17768, 2023.
    """
    whole, rows = by_rate(plan, rates, _compared)
    title = f"Pruning in stages ({_between(plan)} of {plan.epochs(LONG)} epochs before the second)"
    return Results(title, (*plan.notes(), *_NOTES), whole, rows)


def _between(plan: Plan) -> int:
    return plan.epochs(_BETWEEN)


def _compared(experiment: Experiment, dense: Trained, share: float) -> dict[str, float]:
    """Give the figures of both ways to remove a share of the parameters."""
    long, short = (experiment.plan.epochs(each) for each in (LONG, SHORT))
    found = _staged(experiment, share)
    in_stages = experiment.tested(found.model, sum(epoch.seconds for epoch in found.history))
    pruned = experiment.pruned(dense.model, share)
    after = experiment.retrained(pruned, share)
    first = Trained(after.model, dense.seconds + after.seconds, after.top1, after.top5)

    costs, before = pruned.report.after, found.between.report.before
    removed = {"in stages": found.between.report.after.params, "trained first": costs.params}
    early = _between(experiment.plan)
    products = early * before.macs + (long - early) * found.between.report.after.macs
    of_first = long * pruned.report.before.macs + short * costs.macs
    return {
        **{
            f"parameters removed, %: {name}": 100 * (1 - left / pruned.report.before.params)
            for name, left in removed.items()
        },
        **beside({"in stages": in_stages, "trained first": first}),
        "products, %": 100 * products / of_first,
    }


def _staged(experiment: Experiment, share: float) -> Staged:
    each = {"params": 1 - math.sqrt(1 - share)}
    name, epochs = f"{share:g} removed in stages", experiment.plan.epochs(LONG)
    folder = experiment.kept(name)
    if folder is not None:
        folder.mkdir(exist_ok=True)
    return staged(
        experiment.network(),
        experiment.loader,
        experiment.plan.data.shape,
        epochs=epochs,
        pruned_after=_between(experiment.plan),
        first=each,
        second=each,
        calibration=experiment.calibration,
        checkpoint=folder,
        told=experiment.told(name, epochs),
    )

"""Re-training after pruning: few epochs with inherited weights beside many epochs from the start."""

from __future__ import annotations

from collections.abc import Sequence

from compress.experiments.experiment import LONG, SHORT, Experiment, Plan, Trained
from compress.experiments.results import Results, beside, by_rate
from compress.pruning import Pruned
from compress.pruning.search import Method

_NOTES = (
    "[1]: a network of as many channels as ours, trained from random weights. That this is the report's [1] is our "
    "reading (Garg, Panda, Roy: IEEE Access 2020); the report has no list of references.",
    "Seconds are of epochs behind pruning; pruning itself, tests and the whole network's training are not counted.",
)


def pruning(plan: Plan, rates: Sequence[float], method: Method = "compensated") -> Results:
    """Fill the report's first table.

    Parameters
    ----------
    plan : Plan
        What is trained with.
    rates : sequence of float
        Shares of the parameters that are removed.
    method : str
        Of :func:`compress.prune`.

    References
    ----------
    Hirose, Maeda, Hamamoto: Pruning by principal component analysis and re-training. IWAIT 2024.
    """

    def compared(experiment: Experiment, dense: Trained, share: float) -> dict[str, float]:
        pruned = experiment.pruned(dense.model, share, method)
        gone = 100 * (1 - pruned.report.after.params / pruned.report.before.params)
        return {"parameters removed, %": gone, **beside(_retrained(experiment, pruned, share))}

    whole, rows = by_rate(plan, rates, compared)
    return Results(f"Re-training after pruning ({method})", (*plan.notes(), *_NOTES), whole, rows)


def _retrained(experiment: Experiment, pruned: Pruned, share: float) -> dict[str, Trained]:
    """Train what the columns of the table are of."""
    found = {}
    for epochs in (experiment.plan.epochs(each) for each in (LONG, SHORT)):
        name = f"[1], {epochs} epochs"
        found[name] = experiment.train(f"{share:g} removed, {name}", experiment.anew(pruned), epochs)
    found[f"ours, {epochs} epochs"] = experiment.retrained(pruned, share)
    return found

"""Re-fits a model on marks: the model is the prior, and how much the marks say is chosen by leaving marks out."""

from __future__ import annotations

from dataclasses import dataclass

from adapt.evidence import Evidence
from fusion.hybrid import HybridModel


@dataclass(frozen=True)
class Fitted:
    """An adapted model and what was chosen.

    ``chosen``: in words; ``glacier`` and ``ground``: marks of each kind; ``right_before`` and ``right``: share of the
    marks on the right side of the threshold by the model as it was, and by what was fitted without each of them;
    ``loss_before`` and ``loss``: the same as mean logistic loss; ``notes``: what is missing, a sentence each.
    """

    model: HybridModel
    chosen: str
    glacier: int
    ground: int
    right_before: float
    right: float
    loss_before: float
    loss: float
    notes: tuple[str, ...] = ()


def fit(model: HybridModel, evidence: Evidence) -> Fitted:
    """Adapt a model to marks; without any mark, or where they tell nothing new, the model comes back unchanged.

    Takes milliseconds; the order of the marks does not matter.
    """
    raise NotImplementedError

"""How far an output is from the reference. Needs numpy."""
import numpy as np


def _of_tensors(output: np.ndarray, reference: np.ndarray) -> float:
    """The largest difference over the largest magnitude."""
    return float(np.abs(output - reference).max() / np.abs(reference).max())


def _of_ids(output: np.ndarray, reference: np.ndarray) -> float:
    """The fraction of ids that differ."""
    return float(np.mean(output != reference))


def _of_likelihoods(output: np.ndarray, reference: np.ndarray) -> float:
    """The relative difference of the means: one runtime gives only this."""
    return float(abs(output.mean() - reference.mean()) / reference.mean())


MEASURES = {"encode": _of_tensors, "classify": _of_tensors, "embed": _of_tensors, "translate": _of_ids,
            "pronounce": _of_ids, "decode": _of_likelihoods}


def difference(task: str, output: np.ndarray, reference: np.ndarray) -> float:
    """In the unit of the task's measure; infinite if the output has another shape or is not finite."""
    same_shape = task == "decode" or output.shape == reference.shape
    if not same_shape or not np.isfinite(output).all():
        return float("inf")
    return MEASURES[task](output, reference)

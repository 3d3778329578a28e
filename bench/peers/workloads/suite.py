"""What a workload and a suite of them are."""
import dataclasses
from typing import Any

from ..results import Contender


@dataclasses.dataclass(frozen=True)
class Workload:
    """A column of a table. `task` is the method of the runtimes, `inputs` what they get.

    tokens: processed or generated in a run, for tables in tokens/s; 0 for tables in ms.
    rate: requests a second for a stream of texts; 0: runs one after another.
    subtract: the name of a workload of the same suite whose time is taken off (that of the prompt).
    """

    name: str
    task: str
    inputs: dict[str, Any]
    tokens: int = 0
    rate: float = 0.0
    subtract: str = ""
    slice_seconds: float = 0.25
    quick: bool = True


@dataclasses.dataclass(frozen=True)
class Suite:
    """A table for each precision: workloads of one model, and who runs them.

    model: a name of models.py. start: also measures loading, the first run and memory in fresh processes.
    reference, reference_precision: whose outputs the others are compared with.
    one_peer: each precision has the same single peer, which is its reference too; the table has a row for each.
    tolerance: the largest difference to the reference by precision, in the unit of checks.py.
    """

    name: str
    title: str
    model: str
    workloads: list[Workload]
    contenders: list[Contender]
    tolerance: dict[str, float]
    reference: str = "PyTorch"
    reference_precision: str = "f32"
    start: bool = False
    quick: bool = False
    one_peer: bool = False

    def reference_of(self, precision: str) -> Contender:
        """Whose output is compared with: the reference's, or that of the only peer, with the same weights."""
        return Contender(self.reference, precision if self.one_peer else self.reference_precision)

    def key(self, workload: Workload) -> str:
        """The name in the file of results."""
        return f"{self.name}/{workload.name}"

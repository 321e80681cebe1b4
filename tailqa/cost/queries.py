"""Requests for the simulation: which query each is, its chances, and when it comes."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailqa.core.operations import Option
from tailqa.cost.line import Load, Times
from tailqa.cost.scene import Scene, side_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Coming:
    """When requests come, and how long they are against the mean of their query.

    `arrival_s` None: `clients` ask in a closed loop. Factors None: as they were measured.
    """

    n: int
    arrival_s: "Floats | None" = None
    clients: int = 0
    think: Times = field(default_factory=lambda: Times(kind="constant"))
    prompt_factor: "Floats | None" = None
    completion_factor: "Floats | None" = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Asked:
    """`coming.n` requests of one row of a scene; every option gets the same ones."""

    coming: Coming
    query: "npt.NDArray[np.int64]"
    teacher: "Floats"
    student: "Floats"

    def load(self, option: Option) -> Load:
        """As the simulation takes them, for one option."""
        import numpy as np

        coming = self.coming
        whole = np.broadcast_to(1.0, coming.n)
        return Load(
            query=self.query,
            chance=self.teacher if side_of(option) == "teacher" else self.student,
            second_chance=self.teacher,
            prompt_factor=whole if coming.prompt_factor is None else coming.prompt_factor,
            completion_factor=(
                whole if coming.completion_factor is None else coming.completion_factor
            ),
            arrival_s=coming.arrival_s,
            clients=coming.clients,
            think=coming.think,
        )


def ask(scene: Scene, row: int, coming: Coming, rng: "np.random.Generator") -> Asked:
    """Requests by the traffic's strata and the row's weights, each with chances of its own.

    Queries are drawn systematically (Cochran 1977, ch. 8), so that their shares are the wanted
    ones to within one request, in random order.
    """
    import numpy as np

    people, weights = scene.people, scene.weights[row]
    of_stratum = np.bincount(people.stratum, weights, len(people.strata))
    shares = people.weights[people.stratum] * weights / of_stratum[people.stratum]
    edges = np.cumsum(shares)
    points = (np.arange(coming.n) + rng.random()) / coming.n * edges[-1]
    query = rng.permutation(np.minimum(np.searchsorted(edges, points), people.n - 1))
    chances = scene.draw(row, query, rng)
    return Asked(coming=coming, query=query, teacher=chances["teacher"], student=chances["student"])

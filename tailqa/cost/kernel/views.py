"""The elements of a run's arrays, found through the addresses in its world.

A record comes as a pointer, so what is written to it is written to the array; a number comes as a
copy. The caller of the event loop keeps the arrays alive while it runs.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import types
from numba.extending import intrinsic

from tailqa.cost.kernel.records import ARRAYS, WORLD

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compiled by numba as a part of the event loop, which alone is kept on disk.

    Nothing else calls it, so it needs none of the wrappers that take a quarter of the time.
    """
    bare: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast("F", numba.njit(nogil=True, error_model="numpy", **bare)(function))


def _element(name: str) -> Any:
    layout: Any = ARRAYS[name]
    kind = numba.from_dtype(layout)
    is_record = isinstance(kind, types.Record)
    field = cast("Any", WORLD.fields)[name][1]

    def element(_context: Any, world: Any, _index: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            record, index = values
            whole = index.type
            place = builder.add(builder.ptrtoint(record, whole), whole(field))
            first = builder.load(builder.inttoptr(place, whole.as_pointer()))
            address = builder.add(first, builder.mul(index, whole(layout.itemsize)))
            found = context.get_value_type(kind)
            if is_record:
                return builder.inttoptr(address, found)
            return builder.load(builder.inttoptr(address, found.as_pointer()))

        return kind(world, types.int64), generate

    return intrinsic(element)


station = _element("stations")
times = _element("times")
value = _element("values")
following = _element("following")
server = _element("servers")
place = _element("places")
model = _element("models")
first_attempt = _element("first_attempt")
n_right = _element("n_right")
unseen_length = _element("unseen_length")
prompt_tokens = _element("prompt_tokens")
completion_tokens = _element("completion_tokens")
noise = _element("noise")
slowdown = _element("slowdown")
query = _element("query")
chance = _element("chance")
second_chance = _element("second_chance")
prompt_factor = _element("prompt_factor")
completion_factor = _element("completion_factor")
arrival_s = _element("arrival_s")
number = _element("numbers")
count = _element("counts")
slot = _element("slots")
visit = _element("visits")
event = _element("events")
position = _element("position")
stack = _element("stack")

import re

import pytest
import torch

from tailqa.engine import measure_roof


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_roof_is_what_this_machine_did(dtype):
    roof = measure_roof("cpu", dtype)
    assert (roof.device, roof.dtype, roof.n_threads) == ("cpu", dtype, torch.get_num_threads())
    # From a small board to a large server.
    assert 1e8 < roof.bandwidth_bytes_per_s < 5e12
    assert 1e8 < roof.operations_per_s < 1e15
    assert roof.bandwidth_of in {"copy", "sum", "matrix–vector product"}
    width = int(re.fullmatch(r"product of (\d+) × \1 matrices", roof.rate_of)[1])
    # Narrower where the processor is slow in the dtype, or busy.
    assert width in {256, 512, 1024, 2048}

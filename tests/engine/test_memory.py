import sys

import pytest

from tailqa.engine.memory import peak_bytes

SIZE = 64 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's mark is Linux's")
def test_a_short_peak_is_seen_and_what_was_held_before_is_not():
    held = bytearray(SIZE)

    def work() -> None:
        bytearray(SIZE)

    peak = peak_bytes(work, cuda=False)
    assert peak is None or abs(peak - SIZE) < SIZE // 8
    assert len(held) == SIZE
    small = peak_bytes(lambda: None, cuda=False)
    assert small is None or small < SIZE // 8


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's mark is Linux's")
def test_a_larger_batch_takes_more(llama):
    one, many = ([[5] * 96] * n for n in (1, 48))
    llama.time_batch(many, 4)  # what is allocated once does not count
    least, most = (llama.peak_batch_bytes(rows, 4) for rows in (one, many))
    assert least is None or least < most

import pytest

from tailqa.cost.roofline import prefill_operations, roofline_share


def test_operations_of_a_prefill_are_two_per_weight_and_token():
    # The head works once per prompt, the body on every token of it.
    layers = [(5, 7), (7, 3)]
    body = sum(rows * columns for rows, columns in layers)
    by_hand = 0
    for _ in range(4):
        for _ in range(11):
            by_hand += sum(2 * rows * columns for rows, columns in layers)
        by_hand += 2 * 13
    assert (
        prefill_operations(body_parameters=body, head_parameters=13, batch_size=4, prompt_tokens=11)
        == by_hand
    )


def test_the_roof_is_one():
    assert roofline_share(100, 20, 5) == 1
    assert roofline_share(100, 20, 10) == 0.5


@pytest.mark.parametrize(("rate", "time"), [(0, 1), (1, 0), (-1, 1)])
def test_a_rate_or_time_that_is_not_positive_is_refused(rate, time):
    with pytest.raises(ValueError, match="positive"):
        roofline_share(1, rate, time)

"""Raw times → medians with intervals, roofline shares, ratios and crossovers."""

from collections.abc import Sequence

from tailqa import stats
from tailqa.core.answer import Side
from tailqa.core.bench import METRICS, BenchModel, Cell, Crossover, Ratio, Times
from tailqa.core.estimate import Measured, TooFew
from tailqa.cost.roofline import prefill_operations, roofline_share


def cell_of(times: Times, model: BenchModel) -> Cell:
    """One model at one batch size and prompt length, in figures."""
    return Cell(
        times=times,
        first_token_s=_median(times, times.of("first_token")),
        per_token_s=_median(times, times.of("per_token")),
        answer_s=_median(times, times.of("answer")),
        prefill_tokens_per_s=_median(times, times.prefill_tokens_per_s),
        decode_tokens_per_s=_median(times, times.decode_tokens_per_s),
        prefill_roofline=_prefill_share(times, model),
        decode_roofline=_decode_share(times, model),
    )


def ratios_of(times: Sequence[Times]) -> tuple[Ratio, ...]:
    """Student against teacher in every cell and metric, in the order of `times`."""
    found: dict[tuple[int, int], dict[Side, Times]] = {}
    for item in times:
        found.setdefault((item.prompt_tokens, item.batch_size), {})[item.side] = item
    ratios = []
    for metric in METRICS:
        for (prompt_tokens, batch_size), sides in found.items():
            failed = next((f"{s}: {t.failure}" for s, t in sides.items() if t.failure), None)
            ratio: Measured = (
                TooFew(reason=failed, n=0)
                if failed
                else stats.median_ratio(sides["student"].of(metric), sides["teacher"].of(metric))
            )
            ratios.append(
                Ratio(
                    metric=metric,
                    batch_size=batch_size,
                    prompt_tokens=prompt_tokens,
                    ratio=ratio,
                    speed=stats.speed_of(ratio),
                )
            )
    return tuple(ratios)


def crossovers_of(ratios: Sequence[Ratio]) -> tuple[Crossover, ...]:
    """How the student compares as the batch grows, per prompt length and metric."""
    lengths = list(dict.fromkeys(ratio.prompt_tokens for ratio in ratios))
    return tuple(
        Crossover(
            metric=metric,
            prompt_tokens=prompt_tokens,
            runs=stats.crossover(
                {
                    ratio.batch_size: ratio.speed
                    for ratio in ratios
                    if (ratio.metric, ratio.prompt_tokens) == (metric, prompt_tokens)
                }
            ),
        )
        for prompt_tokens in lengths
        for metric in METRICS
    )


def _median(times: Times, values: Sequence[float]) -> Measured:
    if times.failure is not None:
        return TooFew(reason=times.failure, n=0)
    return stats.quantile_estimate(values, 0.5)


def _prefill_share(times: Times, model: BenchModel) -> Measured:
    body = model.footprint.body_parameters
    if body is None:
        return TooFew(reason=_SPARSE, n=0)
    work = prefill_operations(
        body_parameters=body,
        head_parameters=model.footprint.head_parameters,
        batch_size=times.batch_size,
        prompt_tokens=times.prompt_tokens,
    )
    rate = model.roof.operations_per_s
    shares = [roofline_share(work, rate, s) for s in times.of("first_token")]
    return _median(times, shares)


def _decode_share(times: Times, model: BenchModel) -> Measured:
    weights = model.footprint.step_weight_bytes
    if weights is None:
        return TooFew(reason=_SPARSE, n=0)
    rate = model.roof.bandwidth_bytes_per_s
    shares = [roofline_share(weights, rate, s) for s in times.of("per_token")]
    return _median(times, shares)


_SPARSE = "a pass uses only some of the experts"

"""Logs with one value that is another."""

from typing import Any

from hypothesis import strategies as st

from tailqa.records.recording import Recording

OTHERS = st.sampled_from(
    [None, True, -1, 0, 7, 0.5, 1e300, "", "x", "7", [], [1], ["x"], {}, {"a": 1}]
)


def with_another_value(data: st.DataObject, value: Any) -> Any:
    """The JSON value, in which one part, at any depth, became something else."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 9)):
        key = data.draw(st.sampled_from(sorted(value)))
        return value | {key: with_another_value(data, value[key])}
    if isinstance(value, list) and value and data.draw(st.integers(0, 9)):
        at = data.draw(st.integers(0, len(value) - 1))
        return [*value[:at], with_another_value(data, value[at]), *value[at + 1 :]]
    return data.draw(OTHERS)


def is_sound(recording: Recording) -> bool:
    """Whether all parts have the types that they say."""
    model = recording.model
    texts = [recording.harness, recording.name, recording.version, recording.metric]
    texts += [model.name, model.dtype, model.device, model.engine]
    for item in recording.items:
        texts += [item.id, item.prompt, item.text, item.extracted or "", item.reason or ""]
        texts += [*item.references, *item.choices]
        counts = (item.prompt_tokens, item.completion_tokens)
        if not all(count is None or (isinstance(count, int) and count >= 0) for count in counts):
            return False
        if not (item.score is None or 0 <= item.score <= 1) or not isinstance(item.epoch, int):
            return False
    return all(isinstance(text, str) for text in texts)

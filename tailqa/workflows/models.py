"""Model names of the command line → engines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tailqa.core.errors import ModelError
from tailqa.core.ports import Engine
from tailqa.demo import model_folder
from tailqa.engine import ModelArgs, memory_need, open_engine, open_token_counter, parse_args

EMBEDDED = "demo:"


@dataclass(frozen=True, kw_only=True)
class Loading:
    """How the models are loaded, as the flags of the same names.

    What is said of one side goes before what is said of both: `teacher_args` before
    `teacher_device` before `device` and `dtype`.
    """

    device: str = "auto"
    dtype: str = "auto"
    teacher_device: str | None = None
    student_device: str | None = None
    teacher_args: str = ""
    student_args: str = ""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """One model as it was asked for; `name` is what the report calls it."""

    spec: str
    name: str
    device: str
    dtype: str
    args: ModelArgs

    def open(self, *, batch_size: int | None = None) -> Engine:
        """The engine. Raises ModelError, in one sentence, for all that keeps it from running."""
        return open_engine(
            _place(self.spec),
            name=self.name,
            device=self.device,
            dtype=self.dtype,
            batch_size=batch_size,
            args=self.args,
        )

    def memory_need(self) -> tuple[str, int]:
        """The device and the bytes of the weights, before they are loaded. Raises ModelError."""
        place = _place(self.spec)
        return memory_need(place, device=self.device, dtype=self.dtype, args=self.args)


def choose(teacher: str, student: str, loading: Loading) -> tuple[Chosen, Chosen]:
    """Both models as the flags say. Raises ModelError for arguments that are none.

    A model is a hub id, `id@revision`, a folder, a `.gguf` file or `demo:teacher|student`.

    >>> choose("org/base", "org/base", Loading(student_args="quantization=bnb-4bit"))[1].name
    'org/base, bnb-4bit'
    """
    args = parse_args(loading.teacher_args), parse_args(loading.student_args)
    devices = loading.teacher_device, loading.student_device
    names = report_names(teacher, student)
    return tuple(  # type: ignore[return-value]
        Chosen(
            spec=spec,
            name=", ".join([name, *_said(own)]),
            device=device or loading.device,
            dtype=_dtype(spec, loading.dtype),
            args=own,
        )
        for spec, name, device, own in zip((teacher, student), names, devices, args, strict=True)
    )


def report_names(teacher: str, student: str) -> tuple[str, str]:
    """What reports call the models: a file or folder by its last name, unless two share it.

    Where a model lies on a disk is nobody's business but the disk's; digests identify it.

    >>> report_names("org/teacher@v1", "demo:student")
    ('org/teacher@v1', 'demo:student')
    """
    names = _last_name(teacher), _last_name(student)
    return names if names[0] != names[1] else (teacher, student)


def _said(args: ModelArgs) -> Iterator[str]:
    """What of the arguments makes another model of it."""
    if args.peft is not None:
        yield _last_name(args.peft)
    yield from (said for said in (args.revision, args.quantization, args.dtype) if said)
    if args.dequantize is not None:
        yield "dequantised" if args.dequantize else "packed"


def _last_name(spec: str) -> str:
    return Path(spec).resolve().name if Path(spec).exists() else spec


def token_counter(spec: str) -> Callable[[str], int]:
    """Counts the tokens of a text with the tokenizer of a model. Raises ModelError."""
    return open_token_counter(_place(spec))


def _dtype(spec: str, dtype: str) -> str:
    """The embedded models are run in float32, so that their numbers are the same everywhere."""
    return "float32" if dtype == "auto" and spec.startswith(EMBEDDED) else dtype


def _place(spec: str) -> str:
    if not spec.startswith(EMBEDDED):
        return spec
    match spec.removeprefix(EMBEDDED):
        case "teacher" | "student" as side:
            return str(model_folder(side))
    raise ModelError(f"{spec}: the embedded models are demo:teacher and demo:student")

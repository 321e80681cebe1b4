"""The options that bring a run into MLflow, and what is said about it."""

from collections.abc import Callable, Collection, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailqa.cli import options
from tailqa.core.errors import TailqaError, TrackingError
from tailqa.core.report import Outcome, Verdict

if TYPE_CHECKING:
    from tailqa.tracking import Logged, Marked
    from tailqa.workflows.tracking import TrackingOptions

BROKEN = 3
Say = Callable[[str], object]
_OPTIONS = (
    options.option(
        "--mlflow",
        metavar="URI",
        help="Log the run to this MLflow server: parameters, metrics, the page and result.json.",
    ),
    options.option(
        "--mlflow-experiment", metavar="NAME", default="tailqa", help="The experiment of the run."
    ),
    options.option(
        "--mlflow-model",
        metavar="NAME/VERSION",
        help="The registered model version that the verdict is about: it is tagged, and after a "
        "pass has the alias, otherwise not.",
    ),
    options.option("--mlflow-alias", metavar="ALIAS", default="tailqa-passed", help="That alias."),
)


def tracked(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command, which gets them as one argument: `tracker`, a Tracker."""

    @wraps(command)
    def with_tracker(
        *arguments: Any,
        mlflow: str | None,
        mlflow_experiment: str,
        mlflow_model: str | None,
        mlflow_alias: str,
        **others: Any,
    ) -> Any:
        chosen = _chosen(mlflow, mlflow_experiment, mlflow_model, mlflow_alias)
        return command(*arguments, tracker=Tracker(chosen), **others)

    added: Callable[..., Any] = with_tracker
    for option in reversed(_OPTIONS):
        added = option(added)
    return added


def speaker(form: str, *, quiet: bool = False) -> Say:
    """Says a line where it does not disturb what a program reads, or not at all."""
    if quiet:
        return lambda _: None
    return partial(click.echo, err=form == "json")


class Tracker:
    """Logs runs where that was asked for; a fault is said at once and kept for the exit code."""

    def __init__(self, chosen: "TrackingOptions | None") -> None:
        self.chosen = chosen
        self._runs: list[Logged] = []
        self._policies: list[str] = []
        self._failed = False

    def check(self, *, judges: bool) -> None:
        """Raises TrackingError where logging would fail, before hours are spent on a run.

        `judges` says whether there will be a verdict for a model version; a usage error if not.
        """
        if self.chosen is not None:
            from tailqa.workflows.tracking import check_tracking

            if self.chosen.model is not None and not judges:
                raise click.UsageError("--mlflow-model needs --policy, which judges it")
            check_tracking(self.chosen)

    def log(
        self,
        run: Path,
        verdict: Verdict,
        *,
        judged: Sequence[Path | None] = (),
        say: Say,
    ) -> None:
        """Logs the run in a folder or result.json; says where, or to stderr why not."""
        if self.chosen is None:
            return
        from tailqa.tracking import policy_text
        from tailqa.workflows.tracking import track_run

        self._policies.append(policy_text(verdict))
        files = [path for path in judged if path is not None]
        try:
            logged = track_run(run, self.chosen, verdict=verdict, judged=files)
        except TailqaError as error:
            self._fail(
                f"{error}\nNot all of the run in {run} is in MLflow; once that is mended, "
                f"tailqa gate {run} --mlflow URI logs it."
            )
            return
        self._runs.append(logged)
        say(_logged_words(logged))

    def finish(self, outcomes: Collection[Outcome], code: int, *, say: Say) -> int:
        """Marks the model version by the verdicts together; the exit code, 3 after a fault.

        A pass that is not in MLflow gives no alias; anything else takes it away all the same.
        """
        if self.chosen is not None and self.chosen.model is not None:
            from tailqa.workflows.tracking import mark_version

            outcome = _together(outcomes)
            policy = ", ".join(dict.fromkeys(self._policies))
            if not (self._failed and outcome == "pass"):
                try:
                    marked = mark_version(
                        self.chosen, self.chosen.model, outcome, runs=self._runs, policy=policy
                    )
                except TrackingError as error:
                    self._fail(f"{error}\nThe model version {self.chosen.model} is not marked.")
                else:
                    say(_marked_words(marked, self.chosen.alias))
        return BROKEN if self._failed else code

    def _fail(self, message: str) -> None:
        self._failed = True
        click.echo(f"Error: {message}", err=True)


def _chosen(
    uri: str | None, experiment: str, model: str | None, alias: str
) -> "TrackingOptions | None":
    if uri is None:
        if model is not None:
            raise click.UsageError("--mlflow-model needs --mlflow, the server that has the model")
        return None
    from tailqa.tracking import alias_name, model_version
    from tailqa.workflows.tracking import TrackingOptions

    return TrackingOptions(
        uri=uri,
        experiment=experiment,
        model=None if model is None else model_version(model),
        alias=alias_name(alias),
    )


def _together(outcomes: Collection[Outcome]) -> Outcome:
    """Of several verdicts: pass where all are, fail where one is.

    >>> _together(["pass", "inconclusive"])
    'inconclusive'
    """
    if set(outcomes) == {"pass"}:
        return "pass"
    return "fail" if "fail" in outcomes else "inconclusive"


def _logged_words(logged: "Logged") -> str:
    known = "" if logged.new else " (it was there already)"
    return f"MLflow: {logged.url or f'run {logged.run_id} in {logged.experiment}'}{known}"


def _marked_words(marked: "Marked", alias: str) -> str:
    if marked.alias:
        moved = f", which version {marked.moved_from} had" if marked.moved_from else ""
        return f"MLflow: {marked.model} has the alias {alias}{moved}"
    lost = f" and no longer has the alias {alias}" if marked.removed else ""
    return f"MLflow: {marked.model} is tagged {marked.outcome}{lost}"

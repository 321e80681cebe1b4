"""route.html: one file that needs nothing else, asks for nothing else and runs nothing."""

from pathlib import Path

from tailqa.core.routing import Routing
from tailqa.report import routing_chart, routing_words
from tailqa.report.files import write_atomic
from tailqa.report.html import asset, environment, source_hash

ROUTE_PAGE = "route.html"


def render_routing_page(routing: Routing) -> str:
    """The page of a routing; the same bytes for the same routing, loaded or fresh."""
    style = asset("page.css") + asset("routing.css")
    return (
        environment()
        .get_template("route.html.j2")
        .render(
            routing=routing,
            words=routing_words,
            chart=routing_chart,
            frontier=routing_chart.frontier_chart(routing),
            style=style,
            style_hash=source_hash(style),
        )
    )


def write_routing_page(routing: Routing, folder: Path) -> Path:
    """Writes route.html into `folder` and returns its path; raises ResultError."""
    path = folder / ROUTE_PAGE
    write_atomic(path, render_routing_page(routing).encode())
    return path

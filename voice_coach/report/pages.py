"""What every page is made with: the templates, and a policy that lets a page load nothing.

The templates escape everything they are given. A page's own policy forbids it to load anything, and
to run any script but its own, which is named by its hash: what a transcript says stays text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from voice_coach.report.wording import clock, length_clock

if TYPE_CHECKING:
    import jinja2


def render(template: str, *, styles: Sequence[str], script: str | None = None, **values: object) -> str:
    """The page of a template of this folder, with its style sheets and its script inside it."""
    from markupsafe import Markup

    source = "" if script is None else _source(script)
    return (
        _environment()
        .get_template(template)
        .render(
            # our own files, the only ones that are not escaped
            style=Markup("".join(map(_source, styles))),
            script=Markup(source),
            script_hash=base64.b64encode(hashlib.sha256(source.encode()).digest()).decode(),
            **values,
        )
    )


def _source(name: str) -> str:
    environment = _environment()
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("voice_coach.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = clock
    environment.filters["length_clock"] = length_clock
    return environment

"""What a failed rendering means to somebody who took Jinja's braces for ours. Renders nothing itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import jinja2

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators.outcome import airflow_error

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def explaining_braces() -> Iterator[None]:
    """Around Airflow's rendering: say whose braces are whose when Jinja does not know a name.

    Raises:
        AirflowFailException: with Jinja's words and ours; a retry would render the same.
    """
    try:
        yield
    except (jinja2.UndefinedError, jinja2.TemplateSyntaxError) as error:
        raise airflow_error(
            InvalidSpec(
                f"Jinja could not render an argument: {error}. {{{{ … }}}} belongs to Jinja, which "
                f"comes before any row is read; a column is written in single braces, {{body}}. "
                f"For braces that Jinja is to leave alone write {{% raw %}}…{{% endraw %}}."
            )
        ) from error

"""How the texts of prompts are read from files and rendered: always to text, whatever the DAG says.

A DAG with `render_template_as_native_obj` has Jinja turn what looks like Python into objects: a
prompt in quotes loses them, and one in JSON becomes a dict. No prompt is meant that way.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import jinja2

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.airflow_errors import airflow_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.providers.common.compat.sdk import BaseOperator

T = TypeVar("T")


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


def render_text(operator: BaseOperator, text: str, context: Mapping[str, Any]) -> str:
    """Render a prompt, or the file that it names."""
    env = _text_environment(operator)
    return env.from_string(_file_named(env, text) or text).render(context)


def text_or_file(operator: BaseOperator, text: T) -> T | str:
    """Return the content of the prompt file that a text names, or else the text itself."""
    if not isinstance(text, str):
        return text
    return _file_named(_text_environment(operator), text) or text


def _text_environment(operator: BaseOperator) -> jinja2.Environment:
    """Return an environment that renders to text, with the DAG's folders, macros and filters."""
    dag = operator.get_dag()
    if dag is None:
        return operator.get_template_env()
    return dag.get_template_env(force_sandboxed=True)


def _file_named(env: jinja2.Environment, text: str) -> str | None:
    """Read a file beside the DAG or in its `template_searchpath`; None where there is none."""
    if env.loader is None or not arguments.may_name_file(text):
        return None
    try:
        return env.loader.get_source(env, text.strip())[0]
    except (jinja2.TemplateNotFound, OSError):
        return None
    except UnicodeDecodeError:
        raise airflow_error(
            InvalidSpec(f"The prompt file {text.strip()!r} is not UTF-8 text. Save it as UTF-8.")
        ) from None

"""Reads prompts from files and renders them, always to text.

In a DAG with `render_template_as_native_obj`, Jinja turns text that looks like Python into objects:
a prompt in quotes loses them, and one in JSON becomes a dict. A prompt must stay as it is written.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import jinja2

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.airflow_errors import airflow_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow.providers.common.compat.sdk import BaseOperator

T = TypeVar("T")

NOT_RENDERED = frozenset({"self", "stop_sequences", "retry_policy"})
"""A stop sequence may contain Jinja's own braces, and a policy is no text."""


def rendered_arguments(init: Callable[..., None]) -> tuple[str, ...]:
    """Return the arguments of an operator's `__init__` that Jinja renders, in their order.

    The signature is the one list of an operator's arguments, and `template_fields` comes from it. A
    test checks the docstring, the attributes and the reference page against the same signature.
    """
    return tuple(
        name
        for name, parameter in inspect.signature(init).parameters.items()
        if name not in NOT_RENDERED and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    )


@contextmanager
def explaining_braces() -> Iterator[None]:
    """Explain in the error which braces belong to Jinja, when Jinja cannot render an argument.

    Raises:
        AirflowFailException: Jinja's message and the explanation. A retry would fail in the same way.
    """
    try:
        yield
    except (jinja2.UndefinedError, jinja2.TemplateSyntaxError) as error:
        raise airflow_error(
            InvalidSpec(
                f"Write a column in single braces, {{body}}. Write {{% raw %}}…{{% endraw %}} around "
                f"braces that Jinja must leave alone. Jinja could not render an argument: {error}. "
                f"{{{{ … }}}} belongs to Jinja, which renders before any row is read."
            )
        ) from None


def render_text(operator: BaseOperator, text: str, context: Mapping[str, Any]) -> str:
    """Return a prompt, or the file that it names, as Jinja renders it."""
    env = _text_environment(operator)
    return env.from_string(_file_named(env, text) or text).render(context)


def text_or_file(operator: BaseOperator, text: T) -> T | str:
    """Return the content of the prompt file that a text names, or else the text itself."""
    if not isinstance(text, str):
        return text
    return _file_named(_text_environment(operator), text) or text


def source_of(operator: BaseOperator, name: str) -> str | None:
    """Return the text of a file beside the DAG or in its `template_searchpath`; None for no file."""
    return _source_of(_text_environment(operator), name)


def _text_environment(operator: BaseOperator) -> jinja2.Environment:
    """Return an environment that renders to text, with the DAG's folders, macros and filters."""
    dag = operator.get_dag()
    if dag is None:
        return operator.get_template_env()
    return dag.get_template_env(force_sandboxed=True)


def _file_named(env: jinja2.Environment, text: str) -> str | None:
    """Return a file beside the DAG or in its `template_searchpath`; None if there is none."""
    return _source_of(env, text.strip()) if arguments.may_name_file(text) else None


def _source_of(env: jinja2.Environment, name: str) -> str | None:
    if env.loader is None:
        return None
    try:
        return env.loader.get_source(env, name)[0]
    except (jinja2.TemplateNotFound, OSError):
        return None
    except UnicodeDecodeError:
        raise airflow_error(
            InvalidSpec(f"The file {name!r} is not UTF-8 text. Save it as UTF-8.")
        ) from None

"""The hook: turns an Airflow connection into an endpoint, makes one call, tests the connection."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from airflow.providers.common.compat.sdk import BaseHook, mask_secret

from airflow_provider_aimlapi.core.answers.typed_examples import typed_turns
from airflow_provider_aimlapi.core.calls.connection_types import CONN_TYPE, check_type
from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL
from airflow_provider_aimlapi.core.calls.endpoint import parse_endpoint, typed_base_url
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.prompts.examples import read_pairs
from airflow_provider_aimlapi.core.texts.setting_ranges import check_settings
from airflow_provider_aimlapi.errors import AccessRefused, AimlapiError, InvalidSpec
from airflow_provider_aimlapi.hooks.connections import (
    existing_connection,
    fields_of,
    limit_of,
    unknown_extras,
)
from airflow_provider_aimlapi.hooks.refusals import explain_refusal
from airflow_provider_aimlapi.printable import printable_text
from airflow_provider_aimlapi.provider_info import (
    INTEGRATION,
    LIMIT_FIELDS,
    ROUTE_FIELDS,
    UI_FIELD_BEHAVIOUR,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Unpack

    import httpx
    from airflow.providers.common.compat.sdk import Connection
    from pydantic import BaseModel

    from airflow_provider_aimlapi.checks.check import CheckReport
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
    from airflow_provider_aimlapi.core.calls.json_types import JsonObject
    from airflow_provider_aimlapi.core.calls.message import Message
    from airflow_provider_aimlapi.engine.calls.typed.single_typed import Typed
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.hooks.call_arguments import CallArguments

Answer = TypeVar("Answer", bound="BaseModel")


class AIMLAPIHook(BaseHook):
    """Calls the AI/ML API with the key of an Airflow connection of type `aimlapi`.

    The connection's password is the API key, and its host the base URL (empty: the public API).
    Optional limits per task go into the connection's extra: `max_concurrency`,
    `requests_per_minute` and `tokens_per_minute`. So do a `proxy` and a `ca_file`. Without them the
    environment's variables apply.

    Args:
        aimlapi_conn_id: the connection's id.
    """

    conn_name_attr = "aimlapi_conn_id"
    default_conn_name = "aimlapi_default"
    conn_type = CONN_TYPE
    hook_name = INTEGRATION

    def __init__(self, aimlapi_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.aimlapi_conn_id = aimlapi_conn_id

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the form's standard fields. Airflow from 3.2 on reads provider info instead."""
        return {key.replace("-", "_"): value for key, value in UI_FIELD_BEHAVIOUR.items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's own fields. Airflow from 3.2 on reads provider info instead."""
        from wtforms import (  # type: ignore[import-untyped]
            IntegerField,
            PasswordField,
            StringField,
        )
        from wtforms.validators import NumberRange, Optional  # type: ignore[import-untyped]

        limits = {
            name: IntegerField(
                field["label"],
                validators=[Optional(), NumberRange(min=1)],
                description=field["description"],
            )
            for name, field in LIMIT_FIELDS.items()
        }
        # A proxy's URL may contain a password.
        kinds = {"proxy": PasswordField, "ca_file": StringField}
        route = {
            name: kinds[name](
                field["label"], validators=[Optional()], description=field["description"]
            )
            for name, field in ROUTE_FIELDS.items()
        }
        return {**limits, **route}

    @property
    def endpoint(self) -> Endpoint:
        """Return the API's address, the key and the route. Airflow's logs mask its secrets from now on.

        Raises:
            ConnectionIncomplete: the connection is missing or wrong; the text names the fix.
        """
        from airflow_provider_aimlapi.api.http.environment import settle_route

        connection = self._read_connection()
        base_url = typed_base_url(
            host=connection.host,
            port=connection.port,
            schema=connection.schema,
            connection=self.aimlapi_conn_id,
        )
        endpoint = parse_endpoint(
            host=base_url,
            key=connection.password,
            connection=self.aimlapi_conn_id,
            extra=fields_of(connection.extra_dejson),
        )
        # The key is masked before anything else: from here on an error of the route could quote it.
        mask_secret(endpoint.key)
        endpoint = settle_route(endpoint, os.environ)
        for secret in endpoint.route.secrets_to_mask:
            mask_secret(secret)
        return endpoint

    @property
    def max_concurrency(self) -> int | None:
        """Return the most calls in flight that the connection allows each task; None for no limit.

        Raises:
            ConnectionIncomplete: the connection is missing, or its limit is no number.
        """
        extra = self._read_connection().extra_dejson
        for fields in unknown_extras(extra):
            self.log.warning(
                "Connection '%s' has %s in its extra, which has no effect. Correct the name or remove it.",
                printable_text(self.aimlapi_conn_id),
                printable_text(fields),
            )
        return limit_of(extra, "max_concurrency", connection=self.aimlapi_conn_id)

    def limit(self, name: str) -> int | None:
        """Return the connection's `requests_per_minute` or `tokens_per_minute`; None if it has none.

        Raises:
            ConnectionIncomplete: the connection is missing, or its limit is no number.
        """
        extra = self._read_connection().extra_dejson
        return limit_of(extra, name, connection=self.aimlapi_conn_id)

    def get_conn(self) -> httpx.Client:
        """Return an httpx client with base URL and key. Close it, or use it in a `with`.

        It refuses a URL of another origin, which must not receive the key. It neither retries calls
        nor keeps a budget. `complete` retries, and the operator does both.
        """
        from airflow_provider_aimlapi.api.client_session import open_client

        return open_client(self.endpoint)

    def test_connection(self) -> tuple[bool, str]:
        """Return whether calls are possible, and balance and key as text. Spends nothing."""
        from airflow_provider_aimlapi.api.account import describe_account
        from airflow_provider_aimlapi.hooks.free_questions import ask_account

        try:
            self.max_concurrency  # noqa: B018  raises if the extra is wrong
            for name in ("requests_per_minute", "tokens_per_minute"):
                self.limit(name)
            account = ask_account(self.endpoint)
        except AimlapiError as error:
            return False, str(error)
        return account.is_ready, describe_account(account)

    @overload
    def complete(
        self, prompt: str, *, output_schema: None = None, **arguments: Unpack[CallArguments]
    ) -> Completion: ...

    @overload
    def complete(
        self, prompt: str, *, output_schema: type[Answer], **arguments: Unpack[CallArguments]
    ) -> Answer: ...

    @overload
    def complete(
        self, prompt: str, *, output_schema: Mapping[str, Any], **arguments: Unpack[CallArguments]
    ) -> dict[str, Any]: ...

    def complete(
        self,
        prompt: str,
        *,
        system: str | None = None,
        examples: Sequence[tuple[str, str | JsonObject]] = (),
        model: str = DEFAULT_MODEL,
        max_tokens: int | None = 1024,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        stop_sequences: Sequence[str] | None = None,
        thinking: JsonObject | None = None,
        tools: Sequence[JsonObject] | None = None,
        tool_choice: JsonObject | None = None,
        metadata: Mapping[str, str] | None = None,
        stream: bool = False,
        output_schema: type[BaseModel] | Mapping[str, Any] | None = None,
        repairs: int = 1,
        request_timeout_s: float = 300.0,
        max_attempts: int = 8,
        check_arrival: bool = True,
    ) -> Any:
        """Return one completion, or an object. Waits and retries as the operator does for a row.

        Use `ClaudeCompletionOperator` for more than a few prompts, because it stores paid answers.

        Args:
            prompt, system: sent as they are. Braces have no meaning here.
            examples: pairs of a prompt and the answer to it, sent as turns before the prompt.
            model, …, metadata: as in `CompletionSpec`. None is not sent.
            stream: whether the answer comes as server-sent events. The result is the same.
            output_schema: a Pydantic class or a JSON schema. The result is then an object, or a dict.
            repairs: how often an answer that does not follow the schema is sent back, 0 to 3.
            request_timeout_s: seconds for one call, from connecting to the answer's last byte.
            max_attempts: calls before the error is raised. Answers of 429 do not count.
            check_arrival: whether to refuse an answer that was certainly made without `system`.

        Raises:
            SetupError: the connection or an argument is wrong. Nothing was sent.
            ApiError: the API refused the call, or answered none of the attempts.
            AnswerInvalid: the last answer does not follow the schema. It was billed, and is attached.
            InstructionsDropped: the API dropped `system`. The answer was billed.
        """
        spec = CompletionSpec(
            model=model,
            max_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            stop_sequences=_as_tuple("stop_sequences", stop_sequences),
            thinking=thinking,
            tools=_as_tuple("tools", tools),
            tool_choice=tool_choice,
            metadata=metadata,
            stream=stream,
        )
        settings = _call_settings(request_timeout_s, max_attempts, check_arrival=check_arrival)
        call = partial(self._complete_one, spec, _make_message(prompt, system), examples, settings)
        return call() if output_schema is None else _typed_object(call, output_schema, repairs)

    def _complete_one(
        self,
        spec: CompletionSpec,
        message: Message,
        examples: Sequence[tuple[str, str | JsonObject]],
        settings: Settings,
        typed: Typed | None = None,
    ) -> Completion:
        from airflow_provider_aimlapi.engine.blocking import complete_one, complete_one_typed

        turns = typed_turns(read_pairs(examples), None if typed is None else typed.validator)
        endpoint = self.endpoint
        try:
            if typed is None:
                return complete_one(endpoint, spec, message, settings, examples=turns)
            return complete_one_typed(endpoint, spec, message, settings, typed, examples=turns)
        except AccessRefused as error:
            raise explain_refusal(error, lambda: endpoint, spec.model) from error.__cause__

    def check(self) -> CheckReport:
        """Find out what the API's documents leave open, as `airflow-aimlapi check --yes` does.

        It makes at most 12 tiny calls for less than 0.02 USD. It may wait two minutes for the API's
        log. The report has `facts`, each with `name`, `answer` (None: still open) and `evidence`.

        Raises:
            ConnectionIncomplete: the connection is missing or wrong.
            ApiError: the API refuses the key, or cannot be reached.
        """
        from airflow_provider_aimlapi.checks.check import check
        from airflow_provider_aimlapi.hooks.free_questions import in_own_thread

        # Read in the caller's thread, because Airflow's context does not follow into another one.
        endpoint = self.endpoint
        return in_own_thread(lambda: check(endpoint))

    def _read_connection(self) -> Connection:
        connection = existing_connection(self.aimlapi_conn_id, argument="aimlapi_conn_id")
        check_type(connection.conn_type, host=connection.host, connection=self.aimlapi_conn_id)
        return connection


def _typed_object(
    call: Callable[[Typed], Completion], output_schema: object, repairs: int
) -> object:
    """Return the object that an answer is: of the class, or what JSON makes of it."""
    from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
    from airflow_provider_aimlapi.engine.calls.typed.single_typed import Typed
    from airflow_provider_aimlapi.hooks.answer_classes import typed_answers

    check_settings({"repairs": repairs})
    objects: dict[str, object] = {}
    schema, check_class = typed_answers(output_schema, objects)
    text = call(Typed(AnswerValidator(schema, check_class), repairs)).text or ""
    return json.loads(text) if check_class is None else objects[text]


def _call_settings(request_timeout_s: float, max_attempts: int, *, check_arrival: bool) -> Settings:
    from airflow_provider_aimlapi.engine.settings import Settings

    return Settings(
        request_timeout_s=request_timeout_s, max_attempts=max_attempts, check_arrival=check_arrival
    )


def _make_message(prompt: object, system: str | None) -> Message:
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidSpec("prompt is empty. Give a text.")
    return message_of(prompt, system)


def _as_tuple(name: str, items: Sequence[Any] | None) -> tuple[Any, ...] | None:
    """Return a list as a tuple."""
    # Python would read a single text as a list of letters.
    if isinstance(items, str):
        raise InvalidSpec(f"{name}={items!r}: give a list.")
    return None if items is None else tuple(items)

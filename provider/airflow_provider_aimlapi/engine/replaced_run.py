"""Compare a run with the published run that it will replace: what differs, and what is paid again.

A run is reused only if its key is the same. The key changes with each ingredient, and a run with
another key pays for all of its rows. So the log and the error state which ingredient differs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.differences import describe_differences, rows_in_both
from airflow_provider_aimlapi.core.durable.ingredients import decode_ingredients
from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.money.pricing import TOKENS_A_PRICE
from airflow_provider_aimlapi.core.reuse.comparison import has_same_template, why_unusable
from airflow_provider_aimlapi.core.texts.wording import format_usd
from airflow_provider_aimlapi.errors import ApiError, JournalUnreadable
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.runs.run_objects import (
    read_ingredients,
    read_manifest,
    read_plan,
)

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.manifest import Tally
    from airflow_provider_aimlapi.engine.world import World
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacedRun:
    """The published run of another key at the output path.

    Attributes:
        run_key: its key.
        uri: the output path.
        differing: a clause for each ingredient that differs; empty if none does, or none is known.
        unknown: why its ingredients or its rows are not known; "" if they are.
        tally: of its rows; None if not known.
        rows_again: its answered rows that this run sends again, at most.
        is_exact: whether both runs have the same input files, so that `rows_again` is no maximum.
        model_before, model_now: the models.
        is_paid: whether this run is published already, so that it pays for nothing.
        is_source: whether this run takes the answers to equal requests from that run.
    """

    run_key: str
    uri: str
    differing: tuple[str, ...] = ()
    unknown: str = ""
    tally: Tally | None = None
    rows_again: int = 0
    is_exact: bool = False
    model_before: object = None
    model_now: str = ""
    is_paid: bool = False
    is_source: bool = False

    def reason_sentence(self) -> str:
        """Return the sentence that states what differs."""
        if self.differing:
            return f"What differs: {'; '.join(self.differing)}."
        if self.unknown:
            return f"What differs is not known: {self.unknown}"
        return "Its ingredients are the same: another version of this provider made it."

    def location_sentence(self) -> str:
        """Return the sentence that names the run and the output path."""
        return f"The output path {self.uri} holds the result of another run, {self.run_key}."

    def payment_sentence(self, cost: str) -> str:
        """Return the sentence about the rows that are paid for again.

        Args:
            cost: a clause about their cost; "" if it is not known.
        """
        if self.is_paid:
            return "This run is published already, so no row is paid for again."
        if self.tally is None:
            return "This run pays for all of its rows."
        if self.is_source:
            return "Rows whose request is the same take their answers from that run, at no cost."
        published = f"{self.tally.completed_rows:,}"
        if not self.rows_again:
            return f"None of the {published} answered rows of that run is paid for again."
        most = "" if self.is_exact else "Up to "
        rows = f"{most}{self.rows_again:,} of {published} published rows are paid for again"
        return f"{rows}{cost}."

    @property
    def requests_again(self) -> int:
        """Return how many of `rows_again` are paid for: duplicates are not."""
        if self.tally is None or not self.tally.completed_rows:
            return self.rows_again
        originals = self.tally.completed_rows - self.tally.duplicates
        return self.rows_again * originals // self.tally.completed_rows

    def earlier_nano_usd(self) -> int | None:
        """Return what that run paid for the rows that are paid for again; None if not known."""
        known = (
            0 if self.tally is None else self.tally.completed_rows - self.tally.rows_without_cost
        )
        is_free = self.is_paid or self.is_source
        if self.tally is None or not known or not self.rows_again or is_free:
            return None
        # What was saved counts as paid, because the answers to these rows cost as much as others.
        paid = self.tally.cost_nano_usd + self.tally.saved_nano_usd
        return paid * self.requests_again // known

    def cost_as_before(self) -> str:
        """Return a clause with the cost if the prices are those of that run; "" if not known."""
        earlier = self.earlier_nano_usd()
        if earlier is None:
            return ""
        if self.model_before != self.model_now:
            return f", which cost {format_usd(earlier)} with the earlier model"
        return f", for about {format_usd(earlier)}, as before"


def compare_with_shown(
    store: ObjectStore,
    shown: str,
    made_of_json: bytes,
    *,
    model: str,
    is_paid: bool,
    reuses: bool = False,
) -> ReplacedRun:
    """Read the plan and the manifest of the run that is shown. Blocking.

    Args:
        made_of_json: the ingredients of this run's key.
        is_paid: whether this run is published already.
        reuses: whether this run takes answers from runs at its output path.

    Raises:
        StorageError: the store fails. What cannot be decoded makes the difference unknown.
    """
    names = RunNames(run_key=shown)
    found = ReplacedRun(run_key=shown, uri=store.uri(""), is_paid=is_paid)
    try:
        before = read_ingredients(store, names)
        plan = None if before is None else read_plan(store, names)
        manifest = None if plan is None else read_manifest(store, names, plan)
        if before is None or manifest is None:
            unknown = f"the folder {store.uri(names.run_folder)} lacks a plan or a manifest."
            return replace(found, unknown=unknown)
        now = decode_ingredients(made_of_json, what="This run")
        rows, is_exact = rows_in_both(before, now)
        return replace(
            found,
            differing=describe_differences(before, now),
            tally=manifest.tally,
            rows_again=min(rows, manifest.tally.completed_rows),
            is_exact=is_exact,
            model_before=before.parameters.get("model"),
            model_now=model,
            is_source=reuses
            and why_unusable(before, now) is None
            and has_same_template(before, now),
        )
    except JournalUnreadable as error:
        return replace(found, unknown=str(error))


async def warn_of_replaced(replaced: ReplacedRun | None, world: World) -> None:
    """Log what this run pays for again, and why. For another model, fetch its prices."""
    if replaced is None:
        return
    log.warning(
        "%s %s %s This run's result replaces it once the run is complete.",
        replaced.payment_sentence(await _cost_again(replaced, world)),
        replaced.reason_sentence(),
        replaced.location_sentence(),
    )


async def _cost_again(replaced: ReplacedRun, world: World) -> str:
    """Return a clause with the cost of the rows that are paid for again; "" if it is not known."""
    as_before, tally = replaced.cost_as_before(), replaced.tally
    if not as_before or tally is None or replaced.model_before == replaced.model_now:
        return as_before
    try:
        prices = await world.ask_prices(replaced.model_now)
    except ApiError:  # an estimate is not worth a failure
        return as_before
    if prices is None or not tally.paid_answers:
        return as_before
    prices = prices.prices_at(tally.prompt_tokens / tally.paid_answers)
    nano_usd = (
        tally.prompt_tokens * prices.input_nano_usd
        + tally.completion_tokens * prices.output_nano_usd
    ) // TOKENS_A_PRICE
    again = format_usd(nano_usd * replaced.requests_again // tally.paid_answers)
    return f", for about {again} if they take as many tokens{as_before}"

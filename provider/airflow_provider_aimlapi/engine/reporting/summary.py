"""Sum up a run for the operator's return value and the last line of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
from airflow_provider_aimlapi.errors import ApiError
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.manifest import Manifest, Tally
    from airflow_provider_aimlapi.engine.calls.live import LiveCalls
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.world import World

log = logger(__name__)


async def summary_of(
    prepared: Prepared,
    manifest: Manifest,
    calls: LiveCalls | None,
    world: World,
    *,
    elapsed_s: float,
) -> RunSummary:
    """Return the figures of a run; `calls` is None if this attempt has made none."""
    store, names, tally = prepared.store, prepared.names, manifest.tally
    return RunSummary(
        run_key=names.run_key,
        share=prepared.share,
        manifest=store.uri(names.manifest_name),
        output_path=store.uri(""),
        tally=tally,
        reused=calls.collector.rows_reused if calls else tally.rows,
        requests=calls.limiter.requests if calls else 0,
        throttled=calls.limiter.throttled if calls else 0,
        elapsed_s=elapsed_s,
        files=len(manifest.parts),
        size_bytes=sum(entry.size_bytes for entry in manifest.parts),
        cache_saved_nano_usd=await _cache_saving(tally, prepared.job.completion.model, world),
        bound_by=calls.limiter.bound_by if calls else "",
        bound_sentence=calls.limiter.bound_sentence() if calls else "",
    )


async def _cache_saving(tally: Tally, model: str, world: World) -> int | None:
    """Return what the prompt cache saved; None if no price is known. Unused, it needs no price."""
    if not tally.cached_tokens and not tally.cache_write_tokens:
        return 0
    try:
        prices = await world.ask_prices(model)
    except ApiError as error:
        log.info("The saving of the prompt cache is not known: %s", error)
        return None
    if prices is None:
        return None
    return prices.cache_saving_nano_usd(
        cached_tokens=tally.cached_tokens, written_tokens=tally.cache_write_tokens
    )

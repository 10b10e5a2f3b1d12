"""Estimates beside what the simulator then bills, for a data set of texts.

    python -m lab.benchmarks.estimate                    the demo's sample
    python -m lab.benchmarks.estimate --data FILE        a Parquet file or folder with a column `text`

Each line is one estimate and one whole run: without a sample, and with paid samples of some sizes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from aimlapi_simulator import simulator_thread
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.money.pricing import usd_from_nano_usd
from airflow_provider_aimlapi.engine.blocking import estimate_job, run_job
from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.settings import Settings

DEMO = Path(__file__).parents[2] / "demo" / "data" / "documents"
SAMPLES = (0, 20, 100)
PROMPTS = {
    "summary": ("Summarise in one sentence what {president} said in {year}:\n\n{text}", 200),
    "headline": ("A headline for this text:\n\n{text}", 24),
    "long form": ("Explain to a pupil:\n\n{text}", 1024),
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DEMO)
    parser.add_argument("--prompts", nargs="*", choices=PROMPTS, default=list(PROMPTS))
    options = parser.parse_args()
    say(f"{'prompt':10} {'sample':>6} {'read':>6} {'rows':>7} {'estimate':>10} {'margin':>9} ")
    say(f"{'at most':>10} {'billed':>10} {'off by':>8}\n")
    for name in options.prompts:
        for sample_rows in SAMPLES:
            measure(name, sample_rows, options.data.resolve())


def measure(name: str, sample_rows: int, data: Path) -> None:
    """Estimate, run, and compare; the sample's own cost counts on both sides."""
    prompt, max_tokens = PROMPTS[name]
    with tempfile.TemporaryDirectory() as folder, simulator_thread() as simulator:
        job = Job(
            completion=CompletionSpec(
                model="anthropic/claude-sonnet-4-6-20260218", max_tokens=max_tokens
            ),
            prompt=prompt,
            system=None,
            output_column="completion",
            limit_rows=None,
            endpoint=Endpoint(base_url=simulator.url, key="benchmark-key"),
            input=OpenLocation(fs=LocalFileSystem(), path=str(data)),
            output=OpenLocation(fs=LocalFileSystem(), path=f"{folder}/out"),
        )
        found = estimate_job(job, Settings(), Inquiry(sample_rows=sample_rows))
        run_job(job, Settings())
        billed = simulator.ledger.total_usd
    forecast = found.forecast
    paid = found.sample_nano_usd
    estimate = usd_from_nano_usd(paid + (forecast.cost_nano_usd or 0))
    most = usd_from_nano_usd(paid + (forecast.most_nano_usd or 0))
    margin = forecast.margin_nano_usd
    give_or_take = "unknown" if margin is None else f"{usd_from_nano_usd(margin):.4f}"
    basis = found.basis
    say(f"{name:10} {sample_rows:6} {basis.rows_read:6,} {basis.rows:7,} {estimate:10.4f} ")
    say(f"{give_or_take:>9} {most:10.4f} {billed:10.4f} {estimate / billed - 1:+8.1%}\n")


def say(text: str) -> None:
    """Write to standard output."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()

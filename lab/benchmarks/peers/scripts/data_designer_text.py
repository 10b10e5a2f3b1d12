"""NeMo Data Designer: one text column over a seed data set."""

from __future__ import annotations

import data_designer.config as dd
from data_designer.interface import DataDesigner

from lab.benchmarks.peers.scripts.account import (
    KEY,
    MAX_TOKENS,
    MODEL,
    PROMPT,
    Job,
    read_job,
    report,
    write_answers,
)


def designer(job: Job) -> DataDesigner:
    """Return a designer with only this endpoint."""
    provider = dd.ModelProvider(name="simulated", endpoint=job.openai_url, api_key=KEY)
    designer = DataDesigner(
        artifact_path=job.target.parent / "designed", model_providers=[provider]
    )
    designer.set_run_config(dd.RunConfig(disable_early_shutdown=True, otel_metrics_port=None))
    return designer


def ask(job: Job) -> list[str | None]:
    """Return the answers in the order of the seed's rows."""
    model = dd.ModelConfig(
        alias="text",
        model=MODEL,
        provider="simulated",
        inference_parameters=dd.ChatCompletionInferenceParams(
            max_tokens=MAX_TOKENS, max_parallel_requests=job.in_flight
        ),
        skip_health_check=True,
    )
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.LocalFileSeedSource(path=str(job.source)))
    prompt = PROMPT.replace("{text}", "{{ text }}")
    builder.add_column(dd.LLMTextColumnConfig(name="completion", model_alias="text", prompt=prompt))
    made = designer(job).create(builder, num_records=job.rows).load_dataset()
    answers = dict(zip(made["id"], made["completion"], strict=True))
    return [answers.get(number) for number in range(job.rows)]


def main() -> None:
    """Read the rows, call the API, write the answers."""
    job = read_job()
    report(job, write_answers(job, ask(job)), "data-designer", "httpx")


if __name__ == "__main__":
    main()

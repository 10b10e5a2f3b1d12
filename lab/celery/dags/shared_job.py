"""One job by several workers. The DAG run's conf has the scenario's settings."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_aimlapi.operators.workers import claude_completion_group

with DAG("shared_job", schedule=None, catchup=False):
    claude_completion_group(
        group_id="job",
        workers="{{ dag_run.conf['workers'] }}",
        pool="aimlapi",
        input_path="{{ dag_run.conf['lake'] }}/in/",
        output_path="{{ dag_run.conf['lake'] }}/out/",
        prompt="{{ dag_run.conf['prompt'] }}",
        max_tokens="{{ dag_run.conf['max_tokens'] }}",
        max_concurrency="{{ dag_run.conf['max_concurrency'] }}",
        request_timeout_s="{{ dag_run.conf['request_timeout_s'] }}",
        retries=2,
        retry_delay=timedelta(seconds=1),
    )

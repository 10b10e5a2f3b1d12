"""What a task reports to Airflow, OpenLineage and OpenTelemetry. Never a row's text."""

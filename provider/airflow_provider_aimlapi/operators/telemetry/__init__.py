"""What a task reports to Airflow, OpenLineage and OpenTelemetry. It never contains text of a row."""

"""The command line `airflow-aimlapi`, which works on runs from outside of tasks. Knows no Airflow."""

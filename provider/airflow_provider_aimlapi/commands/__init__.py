"""The command line `airflow-aimlapi`: what people do to runs from outside. Knows no Airflow."""

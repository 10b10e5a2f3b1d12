"""The run page and the list of runs, as parts of Airflow's own pages."""

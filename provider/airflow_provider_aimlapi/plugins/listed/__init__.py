"""What the page that lists runs shows of each: its row in Airflow's database, its state, its cost."""

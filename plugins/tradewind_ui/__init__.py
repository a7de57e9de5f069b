"""The pages that Tradewind shows inside Airflow's UI."""

"""The nights of the past, run again through the very same stages as Airflow runs them."""

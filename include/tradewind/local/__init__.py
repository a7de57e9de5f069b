"""Starting and stopping the embedded PostgreSQL, MLflow and Airflow on one machine."""

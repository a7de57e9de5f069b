"""The Airflow side: the only layer that imports Airflow.

Every DAG processor and every task process imports this, so nothing here loads pandas, scikit-learn,
MLflow, Great Expectations, DuckDB or pyarrow before a task runs.
"""

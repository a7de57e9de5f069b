"""Who started a DAG run, as Airflow knows them; what the run's form says is nobody's identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.configuration import conf

if TYPE_CHECKING:
    from tradewind.records import Identity

_SIMPLE = "SimpleAuthManager"


def identity_of(dag_run: Any) -> Identity:
    """Who started a run: the user whom Airflow's API logged in, with the roles that are known.

    A run that another DAG run started has the user who started that one.
    """
    from tradewind.records import Identity

    name = dag_run.triggering_user_name
    return Identity(kind="airflow", name=name, roles=_roles_of(name))


def _roles_of(name: str | None) -> list[str] | None:
    """The roles of a user; None where a task cannot know them.

    The simple auth manager has its users in Airflow's settings, which a task has too. FAB has them
    in Airflow's database, which no task may read.
    """
    if name is None:
        return []
    if not conf.get("core", "auth_manager").endswith(f".{_SIMPLE}"):
        return None
    if conf.getboolean("core", "simple_auth_manager_all_admins"):
        return ["admin"]
    users = [user.split(":") for user in conf.getlist("core", "simple_auth_manager_users")]
    return [role for user, role, *_ in users if user == name]

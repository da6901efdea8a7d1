"""The command line: `warmfront COMMAND`.

A command's module is imported only when that command, or help, is asked for: a worker should not
pay for the dashboard's imports, nor `warmfront --help` a second for nothing.
"""

import sys
from importlib import import_module

import structlog
import typer
from confluent_kafka import KafkaException
from pydantic import ValidationError

from schemas.connection import KafkaRefusedError, check_admission
from schemas.settings import Settings, SettingsFileError

KAFKA_FAILED = 1
UNUSABLE_SETTINGS = 2
NEEDS_NO_KAFKA = {"config", "backtest", "bench", "doctor", "acls"}

COMMANDS = {
    "up": "streams.cli.up:command",
    "doctor": "streams.cli.doctor:command",
    "topics": "streams.cli.topics:command",
    "acls": "streams.cli.acls:command",
    "collect": "streams.cli.collect:command",
    "replay": "streams.cli.replay:command",
    "simulate": "streams.cli.simulate:command",
    "worker": "streams.cli.worker:command",
    "allocator": "streams.cli.allocator:command",
    "profile": "streams.cli.profile:command",
    "presence": "streams.cli.presence:command",
    "groups": "streams.cli.groups:command",
    "forget": "streams.cli.forget:command",
    "forecast": "streams.cli.forecast:command",
    "explain": "streams.cli.explain:command",
    "alerts": "streams.cli.alerts:command",
    "alert-sink": "streams.cli.alert_sink:command",
    "dashboard": "streams.cli.dashboard:command",
    "bench": "streams.cli.bench:command",
}
GROUPS = {
    "backtest": {
        "programs": "streams.backtest.programs:command",
        "demand": "streams.backtest.demand:command",
        "reserve": "streams.backtest.reserve:command",
        "anomalies": "streams.backtest.anomalies:command",
        "shadow": "streams.backtest.shadow:command",
    },
    "calendar": {
        "import": "streams.cli.calendar:import_command",
        "list": "streams.cli.calendar:list_command",
    },
    "dlq": {
        "list": "streams.cli.dlq:list_command",
        "show": "streams.cli.dlq:show_command",
        "replay": "streams.cli.dlq:replay_command",
    },
    "config": {
        "show": "streams.cli.config:show_command",
        "path": "streams.cli.config:path_command",
    },
    "warehouse": {
        "up": "streams.cli.warehouse:up_command",
        "sql": "streams.cli.warehouse:sql_command",
        "sinks": "streams.cli.warehouse:sinks_command",
        "plugins": "streams.cli.warehouse:plugins_command",
    },
}
GROUP_HELP = {
    "backtest": "Play recordings against the models: predict, score, then learn.",
    "calendar": "Tell the pipeline what is known ahead: maintenance, launches, holidays.",
    "config": "The settings in force.",
    "dlq": "Look at dead letters and send them again.",
    "warehouse": "Forecasts, allocation and alerts in PostgreSQL, by Kafka Connect.",
}


def build(asked: list[str]) -> typer.Typer:
    """Return the application with the commands that the arguments ask for, or with all."""
    app = typer.Typer(
        name="warmfront",
        help="Predictive resource allocation: machines are ready before anyone asks.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    first = next(iter(asked), "")
    for name, where in COMMANDS.items():
        if first == name or first not in COMMANDS | GROUPS:
            _add(app, name, where)
    for group, members in GROUPS.items():
        if first == group or first not in COMMANDS | GROUPS:
            _add_group(app, group, members, asked)
    app.callback()(lambda: None)  # keeps a single registered command from becoming the whole app
    return app


def _add_group(app: typer.Typer, group: str, members: dict[str, str], asked: list[str]) -> None:
    sub = typer.Typer(name=group, help=GROUP_HELP[group], no_args_is_help=True)
    sub.callback()(lambda: None)
    wanted = asked[1] if asked[:1] == [group] and len(asked) > 1 else ""
    for name, where in members.items():
        if wanted == name or wanted not in members:
            _add(sub, name, where)
    app.add_typer(sub)


def _add(app: typer.Typer, name: str, where: str) -> None:
    module, function = where.split(":")
    app.command(name)(getattr(import_module(module), function))


def main() -> None:
    """Run the command that the arguments name; logs go to stderr, results to stdout."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        _ask_admission(sys.argv[1:])
        build(sys.argv[1:])()
    except (ValidationError, SettingsFileError, KafkaRefusedError) as error:
        for line in _complaints(error):
            sys.stderr.write(f"error: {line}\n")
        sys.exit(UNUSABLE_SETTINGS)
    except KafkaException as error:
        sys.stderr.write(f"error: Kafka: {error.args[0].str()}\n")
        sys.exit(KAFKA_FAILED)


def _ask_admission(asked: list[str]) -> None:
    """End with words where Kafka refuses us, before a command that needs it begins."""
    first = next(iter(asked), "")
    if first in NEEDS_NO_KAFKA or first not in COMMANDS | GROUPS or "--help" in asked:
        return
    check_admission(Settings())


def _complaints(error: ValidationError | SettingsFileError | KafkaRefusedError) -> list[str]:
    """Say what is wrong with the settings without their values, which may be secrets."""
    if not isinstance(error, ValidationError):
        return [str(error)]
    return [
        f"setting {'.'.join(map(str, part['loc']))}: {part['msg']}".replace("setting : ", "")
        for part in error.errors(include_input=False, include_url=False)
    ]

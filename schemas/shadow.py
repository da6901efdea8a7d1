"""First steps of programs that are safe to run early, from infra/shadow.toml.

Only what an operator wrote there can ever run: the name of a program chooses steps by pattern, and
is never part of one.
"""

import fnmatch
import math
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

Effect = Literal["none", "instance", "external"]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Argv = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class ShadowError(ValueError):
    """The shadow file can't be used; the message says what to change."""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A first step of some programs.

    Parameters
    ----------
    id
        Names it on topics and in logs.
    programs
        Patterns (shell style) of the programs that begin with it.
    argv
        The command and its arguments. Not a line for a shell; nothing is put into it.
    effect
        What it changes: `none`, the `instance` (a rebuild undoes it), or something `external`, such
        as a licence server, which needs `undo`.
    saves_s
        Seconds that a person need not wait once it is done, as declared. What it takes on
        instances corrects that: the median of the last 64 runs decides, among which the declared
        value counts as four until sixteen were measured.
    cost_s
        What a run costs besides the instance's time, in seconds of a normal person's waiting.
    ttl_s
        How long what it prepared is good for.
    timeout_s, max_output_bytes
        After which it is killed; of what it writes, how much is kept.
    undo
        Command that takes an external effect back.
    """

    id: str
    programs: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    argv: Argv
    effect: Effect = "instance"
    saves_s: Positive
    cost_s: NotNegative = 0.0
    ttl_s: Positive = 900.0
    timeout_s: Positive = 30.0
    max_output_bytes: Count = 65_536
    undo: tuple[str, ...] = ()


class Workflow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Programs that are started one after the other by people who must not wait.

    Parameters
    ----------
    name
        For people.
    programs
        In their order.
    critical
        How many normal seconds one of its seconds of waiting counts as.
    """

    name: str
    programs: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    critical: Positive = 2.0


class ShadowTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shadow runs of one pool may cost.

    Parameters
    ----------
    minutes_per_hour
        Instance-minutes an hour that may be spent on runs nobody takes; saved up for an hour.
    at_once
        Most runs that are prepared or being prepared.
    leave_ready
        Warm instances, running or paused, that are left to the reserve.
    price_s
        What a wasted instance-minute counts as, in seconds of a normal person's waiting.
    loss_limit_s
        Shadowing stops itself once it has lost so much since its best time, in the same seconds.
    """

    minutes_per_hour: NotNegative = 30.0
    at_once: Count = 4
    leave_ready: Count = 1
    price_s: NotNegative = 5.0
    loss_limit_s: Positive = 1800.0


class Ssh(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How steps and programs log in.

    Parameters
    ----------
    username
        An account of the image.
    key_file
        The private key, in OpenSSH's format.
    port
        Where the image takes SSH; None: where the cloud says, else 22.
    boot_s
        For how long the start of a program waits for a guest that still boots.
    """

    username: str
    key_file: str
    port: Port | None = None
    boot_s: NotNegative = 60.0


class ShadowPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file.

    Parameters
    ----------
    step, workflow
        What may be run early, and which sequences are critical.
    terms
        Budget of each pool.
    pool
        Budgets of single pools, instead.
    ssh
        None: steps are only pretended to run, as on the simulated cloud.
    rebuild_s
        How long a rebuild takes, until a pool has measured it (as with `Step.saves_s`): a run
        nobody takes costs that as well.
    """

    step: tuple[Step, ...] = ()
    workflow: tuple[Workflow, ...] = ()
    terms: ShadowTerms = ShadowTerms()
    pool: dict[str, ShadowTerms] = {}
    ssh: Ssh | None = None
    rebuild_s: NotNegative = 60.0

    def steps_of(self, program: str) -> tuple[Step, ...]:
        """Return the steps of a program in the file's order.

        Examples
        --------
        >>> warm = Step(id="warm", programs=("mail*",), argv=("cat", "/opt/mail"), saves_s=3.0)
        >>> plan = ShadowPlan(step=(warm,))
        >>> [s.argv for s in plan.steps_of("mail; rm -rf /")], plan.steps_of("calc")
        ([('cat', '/opt/mail')], ())
        """
        return tuple(
            step
            for step in self.step
            if any(fnmatch.fnmatchcase(program, pattern) for pattern in step.programs)
        )

    def terms_of(self, pool: str) -> ShadowTerms:
        """Return what a pool's runs may cost."""
        return self.pool.get(pool, self.terms)


def load_shadow(path: Path) -> ShadowPlan:
    """Read the file; without one, nothing is ever run early.

    Raises
    ------
    ShadowError
        If it is no TOML, or an entry is unknown, missing, or makes no sense.
    """
    if not path.exists():
        return ShadowPlan()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        plan = msgspec.convert(document, ShadowPlan, strict=True)
        _check(plan)
    except (OSError, tomllib.TOMLDecodeError, ValueError) as error:
        raise ShadowError(f"{path}: {error}") from error
    return plan


def _check(plan: ShadowPlan) -> None:
    ids = [step.id for step in plan.step]
    for step in plan.step:
        if ids.count(step.id) > 1:
            raise ValueError(f"step {step.id}: there are two of that id")
        if not step.id or any(c in step.id for c in " \n\0"):
            raise ValueError(f"step {step.id!r}: an id has no blanks")
        if not all(step.argv) or any("\0" in part for part in (*step.argv, *step.undo)):
            raise ValueError(f"step {step.id}: argv has to name a command, without empty parts")
        if step.effect == "external" and not step.undo:
            raise ValueError(f"step {step.id}: an external effect needs undo, a command")
        if step.effect != "external" and step.undo:
            raise ValueError(f"step {step.id}: a rebuild undoes it; undo is for external effects")
        if not all(map(math.isfinite, (step.saves_s, step.cost_s, step.ttl_s, step.timeout_s))):
            raise ValueError(f"step {step.id}: times and costs are finite")

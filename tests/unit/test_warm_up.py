"""After it has warmed up, a worker compiles nothing: it would look dead to its group meanwhile."""

import multiprocessing
import sys

from numba.core.dispatcher import Dispatcher

from streams.runtime.warm_up import warm_up
from tests.testkit.office import activities, log_of, played


def compiled() -> dict[str, int]:
    """How many ways each of the models' kernels is compiled, in this process."""
    kernels = {
        kernel
        for name, module in list(sys.modules.items())
        if name.startswith(("streams.models.", "streams.pipeline."))
        for kernel in vars(module).values()
        if isinstance(kernel, Dispatcher)
    }
    return {f"{k.py_func.__module__}.{k.py_func.__name__}": len(k.signatures) for k in kernels}


def compiled_at_work() -> tuple[dict[str, int], dict[str, int]]:
    """What is compiled after the warm-up, and what a day and a half of an office adds."""
    warm_up()
    before = compiled()
    played(log_of(activities(5, 300, hours=36.0), 2), 2)
    after = compiled()
    return before, {name: n for name, n in after.items() if n != before.get(name, 0)}


def test_a_worker_at_work_compiles_nothing_after_the_warm_up() -> None:
    # In a process of its own: in this one other tests may have compiled it already.
    with multiprocessing.get_context("spawn").Pool(1) as fresh:
        before, added = fresh.apply(compiled_at_work)
    assert any(before.values()), "no kernels: this looks at nothing"
    assert added == {}

"""What the collector says of a host, seen through scripted senses."""

from collections import Counter

import pytest

from schemas.settings import Settings
from streams.collect.accesses import FILES_PER_RUN, Accesses
from streams.collect.brief_runs import Began, BriefRuns
from streams.collect.budget import CpuBudget
from streams.collect.host import HostCollector, Senses
from streams.collect.processes import Process, ProcessList
from streams.collect.runs import Runs
from streams.collect.sockets import SocketBytes
from tests.testkit.simple_process import process


class Said:
    source = "test"

    def __init__(self) -> None:
        self.log: list[tuple] = []

    def launch(self, user, program, time, *, session) -> None:
        self.log.append(("LAUNCH", user, program, time))

    def exit(self, user, program, time, *, session) -> None:
        self.log.append(("EXIT", user, program, time))

    def sample(self, user, program, time, **use) -> None:
        self.log.append(("SAMPLE", user, program, use["cpu_cores"]))

    def access(self, user, program, time, data, *, session) -> None:
        self.log.append(("ACCESS", user, program, data))

    def kinds(self) -> Counter:
        return Counter(entry[0] for entry in self.log)


@pytest.fixture
def host(tmp_path):
    processes: list[Process] = []
    senses = Senses(lambda: list(processes), lambda: None, lambda pid: set())
    said = Said()

    def collector() -> HostCollector:
        return HostCollector(Settings(state_dir=tmp_path), said, senses=senses)

    return processes, said, collector


def test_a_program_of_many_processes_is_one_run() -> None:
    runs = Runs()
    runs.look([], 0.0)
    family = [
        process(10, program="browser"),
        process(11, 10, "browser"),
        process(12, 11, "browser"),
    ]
    change = runs.look(family, 5.0)
    assert [run.session for run in change.began] == ["10-110"]
    assert change.use["ada", "browser"].memory_bytes == 3000
    assert runs.look(family[1:], 10.0).ended == []  # its first process went, it goes on
    assert [run.session for run in runs.look([], 15.0).ended] == ["10-110"]


def test_the_same_program_started_by_another_one_is_a_run_of_its_own() -> None:
    runs = Runs()
    runs.look([], 0.0)
    began = runs.look([process(1, 0, "bash"), process(2, 1), process(3, 1)], 5.0).began
    assert [run.program for run in began] == ["bash", "vim", "vim"]


def test_a_number_used_again_is_another_process() -> None:
    runs = Runs()
    runs.look([process(5, created_s=1.0)], 10.0)
    change = runs.look([process(5, created_s=12.0)], 15.0)
    assert (len(change.began), len(change.ended)) == (1, 1)


def test_use_is_per_second_since_the_last_look_summed_over_runs() -> None:
    runs = Runs()
    runs.look([process(1, cpu_s=10.0), process(2, cpu_s=5.0)], 0.0)
    use = runs.look(
        [process(1, cpu_s=12.0, disk_bytes=4000), process(2, cpu_s=9.0, disk_bytes=None)],
        4.0,
        {1: 800},
    ).use["ada", "vim"]
    assert (use.cpu_cores, use.disk_bytes_per_s, use.network_bytes_per_s) == (1.5, 1000.0, 200.0)


def test_what_may_not_be_seen_is_unknown_and_not_zero() -> None:
    runs = Runs()
    runs.look([process(1, disk_bytes=None)], 0.0)
    use = runs.look([process(1, disk_bytes=None)], 5.0, None).use["ada", "vim"]
    assert use.disk_bytes_per_s is None
    assert use.network_bytes_per_s is None


def test_what_ran_long_before_is_no_launch_but_what_just_began_is(host) -> None:
    processes, said, collector = host
    processes += [process(1, created_s=10.0), process(2, created_s=990.0, program="git")]
    collector().look(1000.0)
    assert said.log == [("LAUNCH", "ada", "git", 990.0)]


def test_a_steady_level_is_said_once_and_an_exit_at_last(host) -> None:
    processes, said, collector = host
    watching = collector()
    watching.look(1000.0)
    processes.append(process(7, created_s=1001.0))
    for step in range(10):
        watching.look(1002.0 + step)
    processes.clear()
    watching.look(1020.0)
    assert said.kinds() == {"LAUNCH": 1, "SAMPLE": 1, "EXIT": 1}


def test_what_came_and_went_between_looks_is_said_once(tmp_path) -> None:
    brief = BriefRuns()
    senses = Senses(list, lambda: None, lambda pid: set(), brief.take)
    said = Said()
    watching = HostCollector(Settings(state_dir=tmp_path), said, senses=senses)
    watching.look(1000.0)
    brief.exec(Began(9, 1, 1001.0, "ada", "git"))
    brief.exit(9, 1001.02)
    watching.look(1005.0)
    watching.look(1010.0)
    assert said.log == [("LAUNCH", "ada", "git", 1001.0), ("EXIT", "ada", "git", 1001.02)]


def test_what_ended_while_the_collector_was_down_is_ended(host) -> None:
    processes, said, collector = host
    processes.append(process(7, created_s=10.0))
    first = collector()
    first.look(1000.0)
    first.close()
    processes.clear()
    collector().look(2000.0)
    assert said.log[-1] == ("EXIT", "ada", "vim", 2000.0)


def test_each_file_of_a_run_is_said_once_and_not_without_end() -> None:
    runs = Runs()
    processes = [process(1)]
    runs.look(processes, 0.0)
    accesses = Accesses(lambda pid: {f"/f{n}" for n in range(FILES_PER_RUN + 50)})
    assert len(list(accesses.look(processes, runs.run_of))) == FILES_PER_RUN
    assert list(accesses.look(processes, runs.run_of)) == []


def test_looking_gets_rarer_where_it_costs_more_than_its_budget() -> None:
    budget = CpuBudget(0.01, 5.0, 60.0)
    pauses = [budget.pause_s(0.2) for _ in range(30)]
    assert pauses[-1] == pytest.approx(20.0)
    assert max(budget.pause_s(9.0) for _ in range(5)) == 60.0


def test_sockets_of_processes_that_may_not_be_seen_are_left_out() -> None:
    assert SocketBytes().carried("ESTAB 0 0 10.0.0.1:5 10.0.0.2:80 bytes_acked:100") == {}


def test_this_very_process_is_listed_by_name_alone() -> None:
    import os  # noqa: PLC0415

    mine = next(p for p in ProcessList().read() if p.pid == os.getpid())
    assert mine.program.startswith("python")
    assert "/" not in mine.program
    assert mine.memory_bytes > 1_000_000

"""The gate fails a run in which what had to run did not."""

import pytest

from tests.testkit import gate

ALL_KINDS = "".join(
    f'<testcase classname="tests.{kind}.test_x" name="test_it"/>' for kind in gate.REQUIRED
)


def complaints(tmp_path, cases: str, absent: set[str] = frozenset()) -> list[str]:
    file = tmp_path / "junit.xml"
    file.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    return list(gate.complaints(gate.read_cases(file), set(absent)))


def skipped(message: str) -> str:
    return (
        '<testcase classname="tests.unit.test_y" name="test_it">'
        f'<skipped type="pytest.skip" message="{message}">file.py:1</skipped></testcase>'
    )


def test_a_full_run_passes(tmp_path):
    assert complaints(tmp_path, ALL_KINDS) == []


@pytest.mark.parametrize("kind", gate.REQUIRED)
def test_a_kind_that_did_not_run_is_a_complaint(tmp_path, kind):
    cases = ALL_KINDS.replace(f"tests.{kind}.", "tests.unit.")
    assert complaints(tmp_path, cases) == [f"no {kind} test ran"]


def test_a_kind_that_was_skipped_whole_did_not_run(tmp_path):
    cases = ALL_KINDS + skipped("no Docker here").replace("tests.unit", "tests.e2e")
    cases = cases.replace('<testcase classname="tests.e2e.test_x" name="test_it"/>', "")
    assert complaints(tmp_path, cases, {"Docker"}) == ["no e2e test ran"]


def test_a_skip_for_something_absent_passes(tmp_path):
    cases = ALL_KINDS + skipped("../shared/data is absent") + skipped("no Docker engine")
    assert complaints(tmp_path, cases, {"../shared", "Docker"}) == []


def test_a_skip_for_something_that_is_there_is_a_complaint(tmp_path):
    assert complaints(tmp_path, ALL_KINDS + skipped("../shared/data is absent"))


def test_any_other_skip_is_a_complaint_with_its_reason(tmp_path):
    (complaint,) = complaints(tmp_path, ALL_KINDS + skipped("flaky"), {"Docker"})
    assert "tests.unit.test_y::test_it was skipped: flaky" in complaint


def test_the_exit_code_tells(tmp_path, capsys):
    file = tmp_path / "junit.xml"
    file.write_text(f"<testsuites><testsuite>{ALL_KINDS}</testsuite></testsuites>")
    assert gate.main(file) == 0
    file.write_text("<testsuites/>")
    assert gate.main(file) == 1
    assert "no faults test ran" in capsys.readouterr().err

"""What the commands for a reader show: flows and steps, rules, invariants; and what bad input gets."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from initflow.flow import Flow, Group, Step, step
from initflow.flows import FLOWS
from initflow.golang import write_all
from initflow.invariants.catalogue import INVARIANTS
from initflow.invariants.lines import LINES
from initflow.reference import steps
from initflow.reference.synchronisation import FIRST, LAST, SYNCHRONISATIONS, pictures
from initflow.steps.context import Init
from kernelapi.kernel import CALLS
from kernelapi.protocol.families import FAMILIES
from kernelapi.rules import rules

PROJECT = Path(__file__).parents[1]
ALL_FLOWS = tuple(FLOWS.values())  # before tests add their own
MINIMAL = PROJECT / "examples" / "minimal.json"


def initflow(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from initflow.cli import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def shown(*words: str | Path, columns: int = 80) -> str:
    result = initflow(*words, COLUMNS=str(columns))
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert max(map(len, result.stdout.splitlines())) <= columns
    return result.stdout


def document(*words: str | Path) -> dict[str, Any]:
    result = initflow(*words, "--json")
    assert result.returncode == 0, result.stderr
    loaded: dict[str, Any] = json.loads(result.stdout)
    return loaded


def joined(text: str) -> str:
    return " ".join(text.split())


# -- explain --


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("flow", ALL_FLOWS, ids=lambda flow: flow.name)
def test_a_flow_is_shown_with_every_step_its_reason_and_its_prefixes(flow: Flow, columns: int) -> None:
    text = shown("explain", flow.name, columns=columns)
    for leaf in flow.leaves():
        assert leaf.name in text
    assert "Before the group and the user id" in joined(text)
    starts = flow.entering is None
    assert ('"finalize namespace"' in text) is starts
    assert ("has mount namespace" in joined(text)) is starts
    assert "reads exec_user" in text


def test_without_words_the_flow_without_user_namespaces_is_explained() -> None:
    assert shown("explain").startswith(shown("explain", "libcontainer"))


@pytest.mark.parametrize("columns", [80, 160])
def test_a_step_is_shown_with_its_place_its_source_and_who_looks_at_it(columns: int) -> None:
    text = joined(shown("explain", "set_uid", columns=columns))
    assert "initflow/steps/finalize.py:" in text
    assert "comes after set_gid" in text
    assert "comes before set_home" in text
    assert '"finalize namespace setup user setuid "' in text
    assert "exec_user, from look_up_user" in text
    assert "can call setuid" in text
    assert "CAP-04" in text


def test_a_slot_is_filled_by_earlier_steps_and_read_by_later_ones() -> None:
    (found,) = document("explain", "libcontainer", "load_environment")["steps"]
    (place,) = found["places"]
    assert place["read_by"] == {"environment": ["set_home", "execute"]}
    assert "which is there from the start" in joined(shown("explain", "resolve_rootfs"))


def test_what_breaks_without_a_step_is_found_by_leaving_it_out() -> None:
    text = joined(shown("explain", "set_gid", "--config", MINIMAL))
    assert f"Without it, on {MINIMAL}: executed." in text
    assert "breaks ID-01 high" in text
    text = joined(shown("explain", "bind_root", "--config", MINIMAL))
    assert "refused: setup mount namespace pivot_root device or resource busy" in text
    (found,) = document("explain", "set_gid", "--config", MINIMAL)["steps"]
    assert "ID-01" in found["without_it"]["broken"]
    (found,) = document("explain", "libcontainer-setns", "join_namespaces", "--config", MINIMAL)["steps"]
    assert "NS-21" in found["without_it"]["broken"]


@pytest.mark.parametrize("flow", ALL_FLOWS, ids=lambda flow: flow.name)
def test_the_json_of_a_flow_is_its_tree(flow: Flow) -> None:
    (tree,) = document("explain", flow.name)["flows"]
    assert tree["parts"][0]["part"] == "parent"

    def names(node: dict[str, Any]) -> list[str]:
        return [node["name"]] if node["kind"] == "step" else [name for child in node["children"] for name in names(child)]

    assert [name for part in tree["parts"] for name in names(part)] == [leaf.name for leaf in flow.leaves()]


def test_the_json_of_a_step_has_the_documented_keys() -> None:
    found = document("explain", "libcontainer", "drop_bounding_set")
    assert found["schema"] == "initflow.explain/1"
    assert found["flows"] == []
    (one,) = found["steps"]
    assert set(one) == {"name", "doc", "reads", "writes", "calls", "file", "line", "places", "without_it"}
    assert "prctl_capbset_drop" in one["calls"]
    place = next(place for place in one["places"] if place["flow"] == "libcontainer")
    assert set(place) == {
        "flow", "part", "prefix", "conditions", "after", "before", "filled_by", "read_by", "invariants",
    }  # fmt: skip
    assert place["prefix"] == "finalize namespace drop bounding set"


def test_the_source_that_is_named_is_that_of_the_step() -> None:
    for leaf in (leaf for flow in ALL_FLOWS for leaf in flow.leaves()):
        file, line = steps.source(leaf)
        text = (PROJECT / file).read_text().splitlines()
        assert any(f"def {leaf.name}(" in text[number] for number in range(line - 1, line + 2)), leaf.name


@step
def indirect(init: Init) -> None:
    """Make calls by way of others."""
    _write_twice(init)
    init.kernel.clone(0, _never_here)


def _write_twice(init: Init) -> None:
    kernel = init.kernel
    write_all(kernel, init.pipe, b"")
    kernel.umask(0)


def _never_here(init: Init) -> None:
    init.kernel.sethostname("")


def test_calls_of_a_step_are_found_in_what_it_uses_and_not_in_what_a_child_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(indirect.function.__globals__, "__name__", "initflow.made_up")
    assert {call.name for call in steps.calls(indirect)} == {"umask", "clone", "write"}


def test_every_call_that_a_run_makes_is_one_that_its_step_can_make() -> None:
    from initflow.configuration import load
    from initflow.verification import execute

    run = execute(load(MINIMAL).configuration)
    can = {leaf: {call.name for call in steps.calls(leaf)} for leaf in run.setting.flow.leaves()}
    made = {(leaf, event.call.name) for leaf, event in zip(run.steps, run.events, strict=True) if leaf in can}
    assert [(leaf.name, name) for leaf, name in made if leaf is not None and name not in can[leaf]] == []


def test_each_condition_has_a_name() -> None:
    def groups(group: Group) -> list[Group]:
        return [group, *(below for child in group.children if isinstance(child, Group) for below in groups(child))]

    for part in (part for flow in ALL_FLOWS for part in steps.parts(flow).values()):
        for group in groups(part):
            assert "<" not in steps.condition(group)


@pytest.mark.parametrize("flow", ALL_FLOWS, ids=lambda flow: flow.name)
def test_the_pictures_have_an_arrow_for_each_synchronisation(flow: Flow) -> None:
    lines = [line for one in pictures(flow).values() for line in one]
    arrows = [line for line in lines if "->" in line or "<-" in line]
    names = {leaf.name for leaf in flow.leaves()} | {FIRST, LAST}
    assert len(arrows) == len([one for one in SYNCHRONISATIONS if {one.sender, one.receiver} <= names])
    for leaf in flow.parent.leaves():
        assert any(line.startswith(leaf.name) for line in lines)
    what, wanted = "network state", ("send_network_state", "read_network_state")
    if flow.entering is not None:
        what, wanted = "go ahead", ("send_configuration", "await_cgroups")
    barrier = next(line.split() for line in arrows if what in line)
    assert (barrier[0], barrier[-1]) == wanted
    assert len(arrows) >= (5 if flow.entering is None else 3)


def test_steps_of_a_wrapping_group_are_told_from_those_of_a_real_one() -> None:
    only = Step("only", lambda context: None)
    assert steps.wrapped(Group("prefix", only)) is only
    assert steps.wrapped(Group("prefix", only, doc="why")) is None
    assert steps.wrapped(Group("prefix", only, only)) is None
    assert steps.wrapped(Group("prefix", only, when=bool)) is None


# -- rules --


@pytest.mark.parametrize("columns", [80, 160])
def test_all_calls_and_families_are_listed(columns: int) -> None:
    text = shown("rules", columns=columns)
    for name in (*CALLS, *FAMILIES):
        assert f"  {name} " in text
    assert f"{len(CALLS)} calls, {len(list(rules()))} rows" in joined(text)


@pytest.mark.parametrize("columns", [80, 160])
def test_the_rows_of_a_call_stand_in_the_order_of_the_checks(columns: int) -> None:
    text = shown("rules", "setgroups", columns=columns)
    places = [text.index(row.id) for row in (*CALLS["setgroups"].refusals, *CALLS["setgroups"].effects)]
    assert places == sorted(places)
    assert "needs memory exhaustion" in joined(text)


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_shown(name: str, columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    from initflow.reference.show_rules import show_call

    show_call(Console(width=columns), CALLS[name])
    text = joined(capsys.readouterr().out)
    for row in CALLS[name].refusals:
        assert row.id in text


def test_a_narrower_name_says_of_what() -> None:
    assert "A narrower name of openat" in shown("rules", "open")
    assert "Narrower names: open." in shown("rules", "openat")


def test_a_family_and_a_row_can_be_asked_for() -> None:
    text = shown("rules", "lookup", "setgroups.eperm.denied")
    assert "lookup.eloop" in text
    assert "A row of setgroups." in text


def test_the_json_of_the_rules_has_every_row() -> None:
    found = document("rules")
    assert found["schema"] == "initflow.rules/1"
    assert [call["name"] for call in found["calls"]] == list(CALLS)
    groups = (*found["families"], *({"rows": [*call["refusals"], *call["effects"]]} for call in found["calls"]))
    seen = {row["id"]: row for group in groups for row in group["rows"]}
    assert set(seen) == {row.id for row in rules()}
    keys = {"id", "kind", "call", "errno", "depends", "cause", "source", "since", "until", "excuse", "calls"}
    for row in seen.values():
        assert set(row) == keys
        assert row["calls"]
        assert (row["errno"] is not None) == (row["kind"] == "refusal")


# -- invariants --


@pytest.mark.parametrize("columns", [80, 160])
def test_what_is_checked_is_listed_and_the_rest_on_demand(columns: int) -> None:
    text = shown("invariants", columns=columns)
    for id in INVARIANTS:
        assert f"  {id} " in text
    unchecked = next(line.id for line in LINES if line.id not in INVARIANTS)
    assert unchecked not in text
    text = shown("invariants", "--all", columns=columns)
    for line in LINES:
        assert f"  {line.id} " in text


def test_an_invariant_is_shown_in_full() -> None:
    text = joined(shown("invariants", "cap-02"))
    assert INVARIANTS["CAP-02"].statement in text
    assert INVARIANTS["CAP-02"].reason in text
    assert "high, at exec" in text


def test_the_letters_of_a_group_stand_for_all_of_it() -> None:
    ids = [entry["id"] for entry in document("invariants", "TTY")["invariants"]]
    assert ids[0] == "TTY-01"
    assert {id.partition("-")[0] for id in ids} == {"TTY"}


def test_the_json_of_the_invariants_says_how_far_each_line_is() -> None:
    found = document("invariants")["invariants"]
    assert {entry["id"] for entry in found} == {*INVARIANTS, *(line.id for line in LINES)}
    for entry in found:
        assert (entry["status"] == "checked") == (entry["id"] in INVARIANTS)
        assert (entry["status"] == "waits") == (entry["waits_for"] is not None)
        assert (entry["status"] == "not decidable") == (entry["not_decidable"] is not None)
        assert (entry["severity"] is not None) == (entry["status"] == "checked")


# -- all of them --


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("explain", "libcontaine"), "libcontaine: there is no such flow or step; did you mean libcontainer?"),
        (("explain", "setuid"), "did you mean set_uid?"),
        (("explain", "xyzzy"), "xyzzy: there is no such flow or step\n"),
        (("explain", "libcontainer", "xyzzy"), "xyzzy"),
        (("explain", ""), "there is no such flow or step"),
        (("explain", "--config", MINIMAL), "--config: needs a step"),
        (("explain", "set_uid", "--config", "/nowhere.json"), "/nowhere.json"),
        (("rules", "mont"), "did you mean mount?"),
        (("rules", "lookup.elo"), "did you mean lookup.eloop?"),
        (("rules", "--", "xyzzy"), "xyzzy: there is no such call, family or row\n"),
        (("invariants", "CAP-2"), "CAP-2: there is no such invariant; did you mean CAP-"),
        (("invariants", "cap02"), "did you mean CAP-02?"),
        (("invariants", "\udcff"), "there is no such invariant"),
    ],
)
def test_what_is_not_there_gets_one_sentence(words: tuple[str | Path, ...], expected: str) -> None:
    result = initflow(*words)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("initflow: ")
    assert result.stderr.count("\n") == 1, result.stderr
    assert expected in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("explain",),
        ("explain", "mount_configured", "execute", "--config", str(MINIMAL)),
        ("explain", "--json"),
        ("rules",),
        ("rules", "--json"),
        ("invariants", "--all"),
    ],
)
def test_the_output_is_the_same_whatever_the_hash_seed(words: tuple[str, ...]) -> None:
    assert len({initflow(*words, PYTHONHASHSEED=seed).stdout for seed in ("0", "1", "4711")}) == 1


def test_every_command_is_in_the_help_and_has_its_own() -> None:
    from initflow.cli import COMMANDS

    text = initflow("--help").stdout
    for name in COMMANDS:
        assert f"  {name} " in text
        assert initflow(name, "--help").stdout.startswith(f"Usage: initflow {name}")

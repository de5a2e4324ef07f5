"""`initflow fuzz`: the strategies draw what they say, the campaign finds what is planted, tokens replay it anywhere."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from fakekernel.machine import Machine
from initflow.callers import CALLERS
from initflow.callers import named as named_caller
from initflow.configuration import Configuration
from initflow.flow import step
from initflow.flows import LIBCONTAINER
from initflow.fuzzing.campaign import Campaign, Shelf, fuzz
from initflow.fuzzing.findings import Examination, Kind, examine
from initflow.fuzzing.inputs import Input, InputError, read_input
from initflow.fuzzing.reduction import reduced
from initflow.fuzzing.tokens import PREFIX, TokenError, read_token, token
from initflow.images import named
from initflow.run import Outcome
from initflow.steps.context import Init
from initflow.strategies import HOSTILE, VALID, configurations, documents, images, inputs, mutations
from initflow.verification import HOST, execute
from kernelapi.flags import OpenFlag
from kernelapi.kernel import Kernel

SAME_EVERY_TIME = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))

SMALL = st.builds(
    Input,
    st.fixed_dictionaries(
        {}, optional={"user": st.sampled_from(("root", "daemon")), "hostname": st.just("x"), "tty": st.booleans()}
    ),
)
"""Few inputs, that are quickly run."""


def ours(examination: Examination) -> list[str]:
    """What in it is our own fault."""
    found = examination.findings.values()
    return [each.explanation for each in found if each.kind in (Kind.DEFECT, Kind.UNMODELLED)]


# -- strategies --


@settings(SAME_EVERY_TIME, max_examples=30)
@given(configurations(VALID))
def test_a_valid_configuration_is_executed_or_refused(configuration: Configuration) -> None:
    run = execute(configuration)
    assert run.outcome in (Outcome.EXECUTED, Outcome.REFUSED) or b"panic: " in run.output


def test_most_valid_configurations_are_executed() -> None:
    outcomes = []

    @settings(SAME_EVERY_TIME, max_examples=30)
    @given(documents(VALID))
    def look(document: dict[str, object]) -> None:
        outcomes.append(examine(Input(document)).outcome)

    look()
    assert outcomes.count("executed") > 0.8 * len(outcomes)


@settings(SAME_EVERY_TIME, max_examples=40)
@given(inputs())
def test_whatever_is_drawn_is_run_and_reported(shown: Input) -> None:
    assert not ours(examine(shown, thorough=True))


@settings(SAME_EVERY_TIME, max_examples=15)
@given(inputs(documents(HOSTILE)))
def test_whatever_hostile_is_drawn_is_run_and_reported(shown: Input) -> None:
    assert not ours(examine(shown, thorough=True))


@settings(SAME_EVERY_TIME, max_examples=50)
@given(inputs())
def test_an_input_is_written_and_read_again(shown: Input) -> None:
    again = read_input(shown.text)
    assert again.text == shown.text
    assert (again.data, again.image, again.caller.name, again.host, again.args) == (
        shown.data, shown.image, shown.caller.name, shown.host, shown.args,
    )  # fmt: skip
    assert read_token(token("CAP-02.1234", shown))[0] == "CAP-02.1234"


@settings(SAME_EVERY_TIME, max_examples=50)
@given(mutations({"user": "daemon", "namespaces": [{"type": "NEWNS"}]}))
def test_a_mutation_leaves_the_original_alone(document: dict[str, object]) -> None:
    assert set(document) <= set(Configuration.__struct_fields__)


@settings(SAME_EVERY_TIME, max_examples=20)
@given(images(HOSTILE))
def test_a_hostile_image_does_not_end_a_run(image: object) -> None:
    assert not ours(examine(Input({}, image=image)))  # type: ignore[arg-type]


# -- campaigns --


def found(campaign: Campaign) -> dict[str, Input]:
    """The smallest input of each finding, by invariant, or by kind where it is of none."""
    return {each.finding.invariant or each.finding.kind.value: each.shown for each in campaign.found}


def test_a_planted_defect_of_the_flow_is_found_and_shrunk() -> None:
    sound, broken = (fuzz(SMALL, examples=30, flow=flow) for flow in (LIBCONTAINER, LIBCONTAINER.without("set_uid")))
    assert "ID-01" not in found(sound)
    assert found(broken)["ID-01"].as_json() == {"document": {"user": "daemon"}}


def test_of_several_oddities_the_one_stays_that_matters() -> None:
    host = replace(HOST, processors=1, hostname="a")
    shown = Input(
        {"user": "daemon", "namespaces": [{"type": "NEWPID"}, {"type": "NEWUTS"}]},
        image=named("payload-text+passwd-garbage"), caller=named_caller("groups+umask-0+subreaper"), host=host,
    )  # fmt: skip

    def shows(shown: Input) -> bool:
        return "umask-0" in shown.caller.name and shown.host.processors == 1 and "namespaces" in shown.document

    least = reduced(shown, shows)
    assert least.as_json() == {"document": {"namespaces": []}, "caller": "umask-0", "host": {"processors": 1}}


@step
def fall_over(init: Init) -> None:
    """What a mistake of ours looks like."""
    {}[init.configuration.hostname]  # type: ignore[index]


def test_a_failure_of_our_own_is_another_kind_of_finding() -> None:
    campaign = fuzz(SMALL, examples=6, flow=LIBCONTAINER.replacing("set_hostname", fall_over))
    first = campaign.found[0].finding
    assert (first.kind, first.way) == (Kind.DEFECT, "KeyError in initflow.flow.perform")
    assert campaign.found[0].shown.document == {}


@step
def die_altogether(init: Init) -> None:
    """What the end of a worker looks like, by want of memory say."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_ends_is_a_finding_and_the_others_go_on() -> None:
    campaign = fuzz(SMALL, examples=30, workers=2, flow=LIBCONTAINER.replacing("set_hostname", die_altogether))
    assert campaign.found[0].finding.way == "a worker ended with status -9"


def test_kept_examples_come_first_and_are_found_again() -> None:
    shelf = Shelf(InMemoryExampleDatabase(), "test")
    flow = LIBCONTAINER.without("set_uid")
    first = fuzz(SMALL, examples=30, flow=flow, kept=shelf)
    again = fuzz(SMALL, examples=1, seed=1, flow=flow, kept=shelf)
    assert first.kept == 0 < again.kept
    assert {each.finding.id for each in again.found} == {each.finding.id for each in first.found}
    mended = fuzz(SMALL, examples=1, kept=shelf)
    assert "ID-01" not in found(mended)
    assert {"document": {"user": "daemon"}} not in map(json.loads, shelf.inputs())


# -- the command --


def initflow(*args: str, hash_seed: str = "0", given: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "from initflow.cli import main; main()", *args]
    return subprocess.run(command, env=environment, capture_output=True, text=True, input=given, check=False)


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers_and_any_hash_seed() -> None:
    options = ("fuzz", "--examples", "4", "--seed", "5", "--json", "--no-database")
    one, two = (initflow(*options, "--workers", n, hash_seed=n) for n in ("1", "2"))
    assert one.stdout == two.stdout
    document = json.loads(one.stdout)
    assert (one.returncode, document["schema"], document["examples"]) == (1, "initflow.fuzz/1", 4)
    assert "a second on 2 workers" in two.stderr


def test_a_configuration_is_changed_kept_expected_ignored_and_saved(tmp_path: Path) -> None:
    config, known, database, saved = (tmp_path / name for name in ("c.json", "known.json", "database", "saved"))
    config.write_text('{"hostname": "x", "capabilities": []}')
    options = ("fuzz", str(config), "--examples", "2", "--workers", "1", "--database", str(database))
    first = initflow(*options, "--json", "--save", str(saved))
    known.write_text(first.stdout)
    document = json.loads(first.stdout)
    finding = document["findings"][0]
    assert json.loads((saved / f"{finding['id']}.json").read_text()) == finding["document"]
    again = initflow(*options, "--expect", str(known))
    assert again.returncode == 0, again.stdout
    assert "kept examples of earlier runs came first" in again.stdout
    same = initflow(*options, "--json")
    assert same.stdout == first.stdout  # the kept examples are its own
    ids = [each["id"] for each in document["findings"]]
    ignored = initflow(*options, *(word for id in ids for word in ("--ignore", id)))
    assert (ignored.returncode, "nothing was found" in ignored.stdout) == (0, True)
    replayed = initflow("replay", "-", given=(saved / f"{finding['id']}.token").read_text())
    assert replayed.returncode == 1
    assert f"{finding['id']} shows: {finding['explanation']}" in " ".join(replayed.stdout.split())


def test_a_directory_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = initflow("fuzz", "--examples", "1", "--workers", "1", "--database", str(tmp_path / "file/below"))
    assert run.returncode in (0, 1)
    assert "Traceback" not in run.stderr


def test_a_finding_that_is_gone_does_not_show() -> None:
    run = initflow("replay", token("ID-01.0000", Input({})), "--json")
    assert (run.returncode, json.loads(run.stdout)["shows"]) == (0, False)


GOOD = token("CAP-02.1234", Input({"user": "daemon"}))


@pytest.mark.parametrize(
    "word",
    [
        "", "x", "fz2." + GOOD[4:], GOOD[:-4], GOOD[:20], GOOD + "AAAA", GOOD[:10] + "é" + GOOD[11:], PREFIX, PREFIX + "!!!!",
        PREFIX + "AAAAAAAA",
        PREFIX + "A" + GOOD[4:],
    ],
)  # fmt: skip
def test_a_broken_token_is_refused_in_a_sentence(word: str) -> None:
    with pytest.raises(TokenError):
        read_token(word)


def test_a_broken_token_ends_with_status_2() -> None:
    run = initflow("replay", GOOD[:-4])
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "initflow: this is no token of `initflow fuzz`: it is damaged, or cut short\n"


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", '{"document": []}', '{"document": {}, "image": "nosuch"}', '{"document": {}, "caller": "default+nosuch"}',
        '{"document": {}, "host": {"processors": "x"}}', '{"document": {}, "more": 1}', "[" * 100_000,
        '{"document": {}, "image": {"name": "x", "oddity": "", "files": [["../x", 0]]}}',
    ],
)  # fmt: skip
def test_what_is_no_input_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_input(text)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("fuzz", "/no/such"), "/no/such: cannot be read: No such file or directory"),
        (("fuzz", "--expect", "/no/such"), "/no/such: No such file or directory"),
        (("fuzz", "--database", "x", "--no-database"), "--database and --no-database: only one of the two"),
        (("fuzz", "--save", "/dev/null/x"), "--save /dev/null/x: Not a directory"),
    ],
)
def test_bad_usage_is_refused_in_a_sentence(args: tuple[str, ...], sentence: str) -> None:
    run = initflow(*args)
    assert (run.returncode, run.stdout, run.stderr) == (2, "", f"initflow: {sentence}\n")


def start_long_run() -> tuple[subprocess.Popen[str], list[int]]:
    """A run without an end, and its workers. SIGINT reaches it wherever these tests run: a shell's background ignores it."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from initflow.cli import main; main()"
    command = [sys.executable, "-c", program, "fuzz", "--examples", "1000000", "--workers", "2"]
    process = subprocess.Popen(
        [*command, "--json", "--no-database"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while len(workers := _children(process.pid)) < 2:
        time.sleep(0.05)
    time.sleep(1)
    return process, workers


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_ctrl_c_keeps_what_was_found() -> None:
    process, workers = start_long_run()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, json.loads(output)["interrupted"], "Traceback" in errors) == (130, True, False)
    assert not any(map(_lives, workers))


def test_workers_die_with_their_parent() -> None:
    process, workers = start_long_run()
    process.kill()
    process.communicate()
    for _ in range(200):
        if not any(map(_lives, workers)):
            return
        time.sleep(0.05)
    pytest.fail("a worker outlives its parent")


# -- what fuzzing has found in the simulated kernel and in the flow --


def test_the_subreaper_ends_when_all_its_children_have() -> None:
    machine = Machine(checks=True)
    execute(Configuration(), caller=CALLERS["subreaper"], machine=machine)
    assert not [process.crash for process in machine.scheduler.ended if process.crash]


@pytest.mark.parametrize("args", [("/usr/bin/nsinit",), ("/usr/bin/nsinit", "nosuch"), ("/usr/bin/nsinit", "exec", "--", "x")])
def test_the_runtime_as_its_own_payload_does_not_crash(args: tuple[str, ...]) -> None:
    assert not ours(examine(Input({}, args=args)))


NULL = {"type": 99, "path": "/dev/null", "major_number": 1, "minor_number": 3, "file_mode": 0o666}
DEEP = "/x" * 2500


@pytest.mark.parametrize(
    "change",
    [
        {"device_nodes": [NULL | {"path": DEEP}]},
        {"mounts": [{"type": "tmpfs", "destination": DEEP}]},
        {"mounts": [{"type": "tmpfs", "destination": DEEP[:3000]}]},
        {"pivot_dir": DEEP},
        {"pivot_dir": DEEP[:3000]},
    ],
)
def test_a_path_of_thousands_of_directories_is_not_too_deep(change: dict[str, object]) -> None:
    document = {"namespaces": [{"type": "NEWNS"}, {"type": "NEWPID"}], "mount_config": {"device_nodes": [NULL]} | change}
    examination = examine(Input(document), thorough=True)
    assert examination.outcome in ("executed", "refused")
    assert not ours(examination)


def test_a_limit_whose_number_is_cut_to_32_bits_changes_another() -> None:
    examination = examine(Input({"rlimits": [{"type": 2**32, "soft": 1000, "hard": 1000}]}))
    assert "RL-02" in {each.invariant for each in examination.findings.values()}
    assert not ours(examination)


def test_a_parent_that_is_told_nonsense_has_been_told_an_error() -> None:
    """With standard error closed, init's own complaint goes into the connection that its parent reads."""
    document = {
        "networks": [{"type": "veth", "bridge": "docker0", "veth_prefix": "vh", "address": "172.17.0.23/16", "mtu": 1450}],
        "namespaces": [{"type": "NEWNET"}, {"type": "NEWUTS"}, {"type": "NEWPID"}],
        "user": "daemon",
        "working_dir": "/home/user",
    }  # fmt: skip
    shown = Input(document, caller=CALLERS["closed-error"], args=("../bin/true",))
    assert not ours(examine(shown))


def open_the_console(kernel: Kernel) -> None:
    kernel.setsid()
    console = kernel.open("/dev/console", OpenFlag.RDWR)
    kernel.write(console, b"hello\n")
    with pytest.raises(OSError, match="No such device"):
        kernel.open("/dev/tty", OpenFlag.RDWR)  # opening it gave no controlling terminal
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        kernel.ioctl_tiocgptn(console)
    kernel.ioctl_tiocsctty(console, 0)
    kernel.open("/dev/tty", OpenFlag.RDWR)
    kernel.exit_group(7)


def test_the_host_has_a_console() -> None:
    """Asked of Linux 6.18 with console=ttyS0, all but the ioctl that takes it."""
    machine = Machine(checks=True)
    task = machine.spawn(open_the_console)
    machine.run()
    assert machine.scheduler.ended[0].crash is None
    assert task.status >> 8 == 7


def type_control_characters(kernel: Kernel) -> None:
    master = kernel.open("/dev/ptmx", OpenFlag.RDWR | OpenFlag.NOCTTY)
    kernel.ioctl_tiocsptlck(master, 0)
    slave = kernel.open(f"/dev/pts/{kernel.ioctl_tiocgptn(master)}", OpenFlag.RDWR | OpenFlag.NOCTTY)
    kernel.write(master, b"a\0b\x01c\x0bd\x1ee\n")
    assert kernel.read(slave, 100) == b"a\0b\x01c\x0bd\x1ee\n"
    assert kernel.read(master, 100) == b"a^@b^Ac^Kd^^e\r\n"


def test_control_characters_are_echoed_as_such() -> None:
    machine = Machine(checks=True)
    machine.spawn(type_control_characters)
    machine.run()
    assert machine.scheduler.ended[0].crash is None

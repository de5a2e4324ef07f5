"""Reading container.json: what is accepted, as what, with which findings; what is refused, with which sentence."""

import ctypes
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from initflow.configuration import (
    CAPABILITIES,
    MAX_SIZE,
    NAMESPACE_FLAGS,
    Cgroup,
    Configuration,
    ConfigurationError,
    Device,
    IdMapping,
    Mount,
    MountConfig,
    Namespace,
    Network,
    Rlimit,
    Route,
    decode,
    encode,
    load,
)
from initflow.gojson import MAX_DEPTH, JsonError, Members, Number, parse
from initflow.gostruct import fold
from kernelapi.capability import Cap, CapSet
from kernelapi.flags import CloneFlag

EXAMPLES = Path(__file__).parent.parent / "examples"
SECTIONS = (Configuration, MountConfig, Mount, Device, Namespace, Network, Route, Cgroup, Rlimit, IdMapping)
KEEP = '"capabilities": ["KILL"]'  # so that the empty list is not one of the findings


def read(text: str | bytes) -> Configuration:
    return decode(text.encode() if isinstance(text, str) else text, "c.json").configuration


def findings(text: str | bytes) -> list[str]:
    loaded = decode(text.encode() if isinstance(text, str) else text, "c.json")
    return [str(finding) for finding in loaded.findings if finding.rule != "no-capabilities"]


def refusal(text: str | bytes) -> str:
    with pytest.raises(ConfigurationError) as error:
        read(text)
    sentence = str(error.value)
    assert sentence.startswith("c.json: ")
    return sentence.removeprefix("c.json: ")


# -- What the keys mean ------------------------------------------------------------------------------------------------

EVERY_KEY = Configuration(
    mount_config=MountConfig(
        no_pivot_root=True,
        pivot_dir="/pivot",
        readonly_fs=True,
        mounts=(
            Mount(type="bind", source="/s", destination="/d", writable=True, relabel="z", private=True, slave=True),
        ),
        device_nodes=(
            Device(
                type=98,
                path="/dev/x",
                major_number=8,
                minor_number=-1,
                cgroup_permissions="r",
                file_mode=384,
                uid=2**32 - 1,
                gid=5,
            ),
        ),
        mount_label="l1",
    ),
    root_fs="/r",
    hostname="h",
    user="u",
    working_dir="/w",
    environment=("A=b", "C=d"),
    tty=True,
    namespaces=(Namespace(type="NEWNET", path="/n"), Namespace(type="NEWNS")),
    capabilities=("MKNOD", "SYS_CHROOT"),
    networks=(
        Network(
            type="veth",
            bridge="br",
            veth_prefix="v",
            mac_address="m",
            address="10.9.8.7/24",
            ipv6_address="fd00::7/64",
            gateway="10.9.8.1",
            ipv6_gateway="fd00::1",
            mtu=1400,
            txqueuelen=100,
            hairpin_mode=True,
        ),
    ),
    routes=(Route(destination="10.0.0.0/8", source="10.9.8.7", gateway="10.9.8.1", interface_name="eth0"),),
    cgroups=Cgroup(
        name="n",
        parent="p",
        allow_all_devices=True,
        allowed_devices=(Device(type=99),),
        memory=1,
        memory_reservation=2,
        memory_swap=-1,
        cpu_shares=3,
        cpu_quota=4,
        cpu_period=5,
        cpuset_cpus="0-1",
        cpuset_mems="0",
        blkio_weight=500,
        freezer="FROZEN",
        slice="s",
    ),
    apparmor_profile="a",
    process_label="l2",
    restrict_sys=True,
    rlimits=(Rlimit(type=7, hard=2**64 - 1, soft=1024),),
    additional_groups=(10, 11),
    uid_mappings=(IdMapping(container_id=0, host_id=1000, size=1),),
    gid_mappings=(IdMapping(container_id=1, host_id=1, size=999),),
)


def fields(section: msgspec.Struct) -> Iterator[tuple[msgspec.Struct, str, object]]:
    """Every field of a section and of the sections in it."""
    for name in section.__struct_fields__:
        value = getattr(section, name)
        yield section, name, value
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, msgspec.Struct):
                yield from fields(part)


def test_every_key_is_read_into_the_field_of_its_name() -> None:
    loaded = decode(encode(EVERY_KEY), "c.json")
    assert loaded.configuration == EVERY_KEY
    assert loaded.findings == ()
    assert loaded.origin == "c.json"


def test_that_configuration_has_every_key() -> None:
    with_a_value = {(type(section), name) for section, name, value in fields(EVERY_KEY) if value}
    assert with_a_value == {(section, name) for section in SECTIONS for name in section.__struct_fields__}


def test_what_is_absent_is_zero_as_in_go() -> None:
    assert read("{}") == Configuration()
    for section in SECTIONS:
        for _, name, value in fields(section()):
            nil = name in ("mount_config", "cgroups", "uid_mappings", "gid_mappings")
            assert value is None if nil else value in ("", 0, False, ()), (section, name)


def test_a_section_that_is_set_is_not_nil() -> None:
    assert read('{"mount_config": {}}').mount_config == MountConfig()
    assert read('{"mount_config": null}').mount_config is None
    assert read('{"uid_mappings": []}').uid_mappings == ()
    assert read('{"uid_mappings": null}').uid_mappings is None


def test_a_configuration_is_frozen_and_hashable() -> None:
    with pytest.raises(AttributeError):
        EVERY_KEY.user = "root"  # type: ignore[misc]
    assert hash(EVERY_KEY) == hash(read(encode(EVERY_KEY)))


# -- Go's rules for keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["hostname", "Hostname", "HOSTNAME", "ho\u017ftname", "HO\u017fTNAME"])
def test_a_key_is_found_in_any_case(key: str) -> None:
    text = json.dumps({key: "heron"}, ensure_ascii=False)
    assert read(text).hostname == "heron"
    assert len(findings(text)) == (key != "hostname")


def test_another_case_is_told_with_the_name_that_it_is_read_as() -> None:
    assert findings('{"MOUNT_config": {"Mounts": []}}') == [
        '$.MOUNT_config: is read as "mount_config"',
        '$.MOUNT_config.Mounts: is read as "mounts"',
    ]


def test_case_folds_as_in_go_for_every_character() -> None:
    """Go folds s with the long s and k with the kelvin sign, and no other character with an ASCII one."""
    folding_to_ascii = {chr(code) for code in range(0x80, sys.maxunicode + 1) if fold(chr(code)).isascii()}
    assert folding_to_ascii == {"\u017f", "\u212a"}
    assert read('{"networ\u212as": [], "addit\u0131onal_groups": [1]}') == Configuration()
    assert fold("mac_addre\u00df") != fold("mac_address")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"hostnam": 1}', "$.hostnam: no such key, it is ignored"),
        ('{"rootfs": "/"}', '$.rootfs: no such key, it is ignored; did you mean "root_fs"?'),
        ('{"mountConfig": {}}', '$.mountConfig: no such key, it is ignored; did you mean "mount_config"?'),
        (
            '{"mount_config": {"mounts": [{}, {"flags": 3}]}}',
            "$.mount_config.mounts[1].flags: no such key, it is ignored",
        ),
        ('{"": 1}', '$[""]: no such key, it is ignored'),
        ('{"a b\\n\\u00e9": 1}', '$["a b\\n\\u00e9"]: no such key, it is ignored'),
        ('{"' + "k" * 1000 + '": 1}', '$["' + "k" * 60 + '"...]: no such key, it is ignored'),
    ],
)
def test_an_unknown_key_is_ignored_and_named_with_its_path(text: str, expected: str) -> None:
    assert [line for line in findings(text) if "no such key" in line] == [expected]


def test_the_value_of_an_unknown_key_may_be_anything() -> None:
    assert read('{"x": [1.5e400, {"hostname": {"y": null}}, "\\ud800", true], "tty": true}') == Configuration(tty=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"user": "a", "user": "b"}', Configuration(user="b")),
        ('{"user": "a", "USER": "b", "user": null}', Configuration(user="b")),
        ('{"mount_config": {"pivot_dir": "/a"}, "mount_config": {"readonly_fs": true}}',
         Configuration(mount_config=MountConfig(pivot_dir="/a", readonly_fs=True))),
        ('{"mount_config": {"pivot_dir": "/a"}, "mount_config": null}', Configuration()),
        ('{"cgroups": {"name": "a"}, "cgroups": null, "cgroups": {"parent": "b"}}',
         Configuration(cgroups=Cgroup(parent="b"))),
        ('{"environment": ["A", "B", "C"], "environment": ["D"]}', Configuration(environment=("D",))),
        ('{"environment": ["A", "B", "C"], "environment": []}', Configuration()),
        # element by element, over the elements that are there
        ('{"namespaces": [{"type": "NEWNS", "path": "/a"}], "namespaces": [{"type": "NEWPID"}, {"type": "NEWIPC"}]}',
         Configuration(namespaces=(Namespace(type="NEWPID", path="/a"), Namespace(type="NEWIPC")))),
        # those that a shorter list hid come back when a longer one follows, but not after an empty one or null
        ('{"environment": ["A", "B", "C"], "environment": ["D"], "environment": [null, null]}',
         Configuration(environment=("D", "B"))),
        ('{"environment": ["A", "B", "C"], "environment": [], "environment": [null, null]}',
         Configuration(environment=("", ""))),
        ('{"environment": ["A", "B", "C"], "environment": null, "environment": [null, null]}',
         Configuration(environment=("", ""))),
        ('{"networks": [{"type": "veth", "mtu": 9}], "networks": [{"mtu": 8}, null]}',
         Configuration(networks=(Network(type="veth", mtu=8), None))),
    ],
)  # fmt: skip
def test_a_repeated_key_is_decoded_over_what_it_repeats(text: str, expected: Configuration) -> None:
    assert read(text) == expected
    assert any("is here again" in line for line in findings(text))


# -- Go's rules for values ---------------------------------------------------------------------------------------------

SAMPLE_VALUES = {"a string": '"x"', "true": "true", "1": "1", "1.5": "1.5", "an array": "[]", "an object": "{}"}


@pytest.mark.parametrize(
    ("template", "path", "expected", "fits"),
    [
        ("%s", "$", "an object", {"an object"}),
        ('{"tty": %s}', "$.tty", "true or false", {"true"}),
        ('{"user": %s}', "$.user", "a string", {"a string"}),
        ('{"mount_config": %s}', "$.mount_config", "an object", {"an object"}),
        ('{"environment": %s}', "$.environment", "an array", {"an array"}),
        ('{"environment": ["A", %s]}', "$.environment[1]", "a string", {"a string"}),
        ('{"networks": [{}, {"mtu": %s}]}', "$.networks[1].mtu", "an integer", {"1"}),
        ('{"Networks": [{}, {"MTU": %s}]}', "$.Networks[1].MTU", "an integer", {"1"}),
        ('{"namespaces": [%s]}', "$.namespaces[0]", "an object", {"an object"}),
        ('{"rlimits": [{"hard": %s}]}', "$.rlimits[0].hard", "an integer", {"1"}),
        ('{"additional_groups": [0, 1, %s]}', "$.additional_groups[2]", "an integer", {"1"}),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_its_path_and_what_was_expected(
    template: str, path: str, expected: str, fits: set[str]
) -> None:
    for found, text in SAMPLE_VALUES.items():
        if found in fits:
            read(template % text)
        else:
            assert refusal(template % text) == f"{path}: expected {expected}, found {found}"


def test_a_configuration_that_is_null_is_refused() -> None:
    assert refusal("null") == "$: expected an object, found null"


RANGES = {
    '{"additional_groups": [%s]}': ("$.additional_groups[0]", -(2**63), 2**63 - 1),
    '{"cgroups": {"memory": %s}}': ("$.cgroups.memory", -(2**63), 2**63 - 1),
    '{"rlimits": [{"type": %s}]}': ("$.rlimits[0].type", -(2**63), 2**63 - 1),
    '{"rlimits": [{"hard": %s}]}': ("$.rlimits[0].hard", 0, 2**64 - 1),
    '{"mount_config": {"device_nodes": [{"type": %s}]}}': ("$.mount_config.device_nodes[0].type", -(2**31), 2**31 - 1),
    '{"mount_config": {"device_nodes": [{"uid": %s}]}}': ("$.mount_config.device_nodes[0].uid", 0, 2**32 - 1),
    '{"mount_config": {"device_nodes": [{"file_mode": %s}]}}': (
        "$.mount_config.device_nodes[0].file_mode",
        0,
        2**32 - 1,
    ),
}


@pytest.mark.parametrize("template", RANGES)
def test_a_number_out_of_range_is_refused_with_its_path(template: str) -> None:
    path, low, high = RANGES[template]
    for number in (low, high, 0, 1):
        read(template % number)
    for number in (low - 1, high + 1, 10**30):
        assert refusal(template % number) == f"{path}: expected an integer from {low} to {high}, found {number}"
    huge = "9" * 10_000
    assert (
        refusal(template % huge)
        == f"{path}: expected an integer from {low} to {high}, found a number of 10000 characters"
    )


@pytest.mark.parametrize("literal", ["1.0", "1.5", "1e3", "1E0", "-1.0", "0.0"])
def test_an_integer_has_no_point_and_no_exponent(literal: str) -> None:
    text = '{"rlimits": [{"soft": ' + literal + "}]}"
    assert refusal(text) == f"$.rlimits[0].soft: expected an integer, found {literal}"


def test_minus_zero_is_a_signed_integer_only() -> None:
    assert read('{"networks": [{"mtu": -0}]}') == Configuration(networks=(Network(),))
    assert "found -0" in refusal('{"rlimits": [{"hard": -0}]}')


def test_false_is_the_default_and_undoes_true() -> None:
    assert read('{"tty": false}') == read('{"tty": true, "tty": false}') == Configuration()


def test_null_leaves_the_default() -> None:
    assert read(json.dumps(dict.fromkeys(Configuration.__struct_fields__))) == Configuration()


@pytest.mark.parametrize("key", ["networks", "routes"])
def test_null_in_a_list_of_pointers_is_nil(key: str) -> None:
    text = json.dumps({key: [None]})
    assert getattr(read(text), key) == (None,)
    assert findings(text) == [f"$.{key}[0]: is a nil pointer, on which the step that reads it crashes"]


def test_null_in_a_list_of_values_is_the_default() -> None:
    text = '{"namespaces": [null], "environment": [null], "additional_groups": [null]}'
    assert read(text) == Configuration(namespaces=(Namespace(),), environment=("",), additional_groups=(0,))
    assert findings(text)[:3] == [
        "$.namespaces[0]: null leaves an element at its default",
        "$.environment[0]: null leaves an element at its default",
        "$.additional_groups[0]: null leaves an element at its default",
    ]


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        (rb'"\"\\\/\b\f\n\r\t"', '"\\/\b\f\n\r\t'),
        (rb'"\u0041\u00e9\uABCD"', "A\u00e9\uabcd"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        ('"\u00e9\U0001f600\x7f"'.encode(), "\u00e9\U0001f600\x7f"),
        # half a pair
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\ud83d\u0041"', "\ufffdA"),
        (b'"\\ud83d\x80"', "\ufffd\ufffd"),
        # each byte that is not UTF-8 by itself
        (b'"a\xffb"', "a\ufffdb"),
        (b'"\xe2\x82"', "\ufffd\ufffd"),
        (b'"\xed\xa0\xbd"', "\ufffd\ufffd\ufffd"),
        (b'"\xc0\x80"', "\ufffd\ufffd"),
        (b'"\xf5\x80\x80\x80"', "\ufffd" * 4),
        (b'"\xef\xbf\xbd"', "\ufffd"),
    ],
)
def test_a_string_is_read_as_go_reads_it(literal: bytes, text: str) -> None:
    content = b'{"user": %s}' % literal
    assert read(content).user == text
    replaced = "\ufffd" in text and b"\xef\xbf\xbd" not in literal
    assert findings(content) == ["$.user: what is not Unicode in it is read as U+FFFD"] * replaced


def test_a_key_that_is_not_unicode_is_unknown() -> None:
    assert findings(b'{"user\xff": 1}') == [r'$["user\ufffd"]: no such key, it is ignored']


def test_a_nul_is_accepted_with_a_finding() -> None:
    text = r'{"environment": ["A=\u0000"]}'
    assert read(text).environment == ("A=\0",)
    assert findings(text) == ["$.environment[0]: holds a NUL, which no path or name of the kernel can"]


# -- Syntax ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "line 1, column 1: expected an object, found the end of the input"),
        (b" \n\t ", "line 2, column 3: expected an object, found the end of the input"),
        (b"\xef\xbb\xbf{}", "line 1, column 1: expected an object, found a byte order mark"),
        ("{}".encode("utf-16"), "line 1, column 1: expected an object, found the byte 0xFF, which is not UTF-8"),
        (b"hostname: x", "line 1, column 1: expected an object, found 'h'"),
        (b"\x00", "line 1, column 1: expected an object, found U+0000"),
        (b"{", "line 1, column 2: expected a key in double quotes, found the end of the input"),
        (b'{\n  "tty": true,\n}', "line 3, column 1: expected a key in double quotes, found '}'"),
        (b"{'tty': true}", "line 1, column 2: expected a key in double quotes, found '''"),
        (b"{tty: true}", "line 1, column 2: expected a key in double quotes, found 't'"),
        (b'{\x0b"tty": true}', "line 1, column 2: expected a key in double quotes, found U+000B"),
        (b'{"tty" true}', "line 1, column 8: expected ':', found 't'"),
        (b'{"tty": }', "line 1, column 9: expected a value, found '}'"),
        (b'{"tty": True}', "line 1, column 9: expected a value, found 'T'"),
        (b'{"tty": tru}', "line 1, column 9: expected a value, found 't'"),
        (b'{"x": NaN}', "line 1, column 7: expected a value, found 'N'"),
        (b'{"x": -Infinity}', "line 1, column 7: expected a value, found '-'"),
        (b'{"x": .5}', "line 1, column 7: expected a value, found '.'"),
        (b'{"x": 1.}', "line 1, column 8: expected ',' or '}', found '.'"),
        (b'{"x": 01}', "line 1, column 8: expected ',' or '}', found '1'"),
        (b'{"x": "\xc3\xa9" "y"}', "line 1, column 11: expected ',' or '}', found '\"'"),
        (b'{"x": [1, ]}', "line 1, column 11: expected a value, found ']'"),
        (b'{"x": [1 2]}', "line 1, column 10: expected ',' or ']', found '2'"),
        (b'{"x": [1}', "line 1, column 9: expected ',' or ']', found '}'"),
        (
            b'{"x": "y',
            "line 1, column 9: expected the rest of a string and its closing quote, found the end of the input",
        ),
        (b'{"x": "y\n"}', "line 1, column 9: expected the rest of a string and its closing quote, found U+000A"),
        (rb'{"x": "\x41"}', "line 1, column 8: expected an escape that JSON has, found '\\'"),
        (rb'{"x": "\v"}', "line 1, column 8: expected an escape that JSON has, found '\\'"),
        (rb'{"x": "\u12"}', "line 1, column 8: expected an escape that JSON has, found '\\'"),
        (b"{/* a comment */}", "line 1, column 2: expected a key in double quotes, found '/'"),
    ],
)
def test_what_is_no_json_is_refused_with_its_line_and_column(text: bytes, sentence: str) -> None:
    assert refusal(text) == sentence


def test_what_follows_the_configuration_is_ignored() -> None:
    assert findings('{"tty": true}\n \t\r\n') == []
    text = '{"tty": true}\n  {"tty": fals'
    assert read(text) == Configuration(tty=True)
    assert findings(text) == ["line 2, column 3: what follows the configuration is ignored"]


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"x":', "}")])
def test_deep_nesting_is_read_and_too_deep_nesting_refused(opening: str, closing: str) -> None:
    """The limit of later Go versions, in place of a crash; deeper than Python itself would go."""

    def nested(levels: int) -> str:
        return '{"x":' + opening * (levels - 1) + "0" + closing * (levels - 1) + "}"

    assert 2 * sys.getrecursionlimit() < MAX_DEPTH
    assert read(nested(MAX_DEPTH)) == Configuration()
    assert refusal(nested(MAX_DEPTH + 1)).endswith("nested more than 10000 levels deep")
    assert "nested more than" in refusal(opening * 1_000_000)


def plain(value: object) -> Any:
    """A JSON value as the json module of Python has it."""
    match value:
        case Members():
            return {key: plain(member) for key, member in value}
        case list():
            return [plain(element) for element in value]
        case Number(literal):
            return json.loads(literal)
        case _:
            return value


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=JSON_VALUES, ascii=st.booleans(), indent=st.none() | st.just(3))
def test_whatever_python_writes_as_json_is_read_back(value: object, ascii: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii, indent=indent)
    read_back, rest = parse(text.encode("utf-8", "surrogatepass"))
    assert plain(read_back) == json.loads(text)
    assert rest is None


@given(st.text('{}[]",:\\ \n\x000123456789.-+eEu' + "truefalsn", max_size=12))
@example('"\\u00"')
@example("[1,2")
@example("-")
@example("[01]")
def test_json_is_what_python_takes_for_json(text: str) -> None:
    def no_constant(name: str) -> object:
        raise ValueError(name)

    try:
        expected = json.JSONDecoder(parse_constant=no_constant).raw_decode(text.lstrip(" \n"))[0]
    except ValueError:
        with pytest.raises(JsonError):
            parse(text.encode())
    else:
        assert plain(parse(text.encode())[0]) == expected


# -- Files -------------------------------------------------------------------------------------------------------------


def load_refusal(path: str | Path) -> str:
    with pytest.raises(ConfigurationError) as error:
        load(path)
    return str(error.value)


def test_a_file_is_read_and_named(tmp_path: Path) -> None:
    path = tmp_path / "container.json"
    path.write_bytes(encode(EVERY_KEY))
    assert load(path).configuration == load(str(path)).configuration == EVERY_KEY
    assert load(path).origin == str(path)


def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    missing, file = tmp_path / "missing", tmp_path / "file"
    file.touch()
    assert load_refusal(missing) == f"{missing}: cannot be read: No such file or directory"
    assert load_refusal(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"
    assert load_refusal(file / "below") == f"{file / 'below'}: cannot be read: Not a directory"
    assert load_refusal(loop) == f"{loop}: cannot be read: Too many levels of symbolic links"
    assert load_refusal("x" * 5000).endswith(": cannot be read: File name too long")
    assert load_refusal("") == "'': cannot be read: No such file or directory"
    assert load_refusal("a\0b") == r"'a\x00b': cannot be read: that is not a file name"
    assert load_refusal("\ud800") == r"'\ud800': cannot be read: that is not a file name"
    assert load_refusal(file) == f"{file}: line 1, column 1: expected an object, found the end of the input"


NOBODY = 65534
PRCTL, PR_SET_DUMPABLE = ctypes.CDLL(None).prctl, 4


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)  # root reads every file
    try:
        assert load_refusal(path) == f"{path}: cannot be read: Permission denied"
    finally:
        os.seteuid(user)
        PRCTL(PR_SET_DUMPABLE, 1, 0, 0, 0)  # who changes its user is dumpable no more, nor are those that it makes


def test_a_file_that_fails_while_it_is_read_is_refused() -> None:
    assert load_refusal("/proc/self/mem") == "/proc/self/mem: cannot be read: Input/output error"


def test_too_large_a_file_is_refused_without_reading_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, 2**40)
    assert load_refusal(path) == f"{path}: is larger than 16 MiB"
    assert load_refusal("/dev/zero") == "/dev/zero: is larger than 16 MiB"
    assert read(b"{}".ljust(MAX_SIZE)) == Configuration()


def test_a_file_name_cannot_break_the_line(tmp_path: Path) -> None:
    path = tmp_path / "two\nlines\x1b[31m"
    path.write_text("[]")
    sentence = load_refusal(path)
    assert sentence.isprintable()
    assert r"two\nlines\x1b[31m': $: expected an object, found an array" in sentence


def test_ten_thousand_mounts_and_a_long_hostname_are_accepted() -> None:
    mounts = tuple(Mount(type="tmpfs", destination=f"/m{index}") for index in range(10_000))
    configuration = Configuration(hostname="h" * 2**20, mount_config=MountConfig(mounts=mounts), capabilities=("KILL",))
    loaded = decode(encode(configuration), "c.json")
    assert loaded.configuration == configuration
    assert loaded.findings == ()


# -- What is accepted, and doubted -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", ["$.capabilities: the list is empty, so every capability is dropped"]),
        ('{"capabilities": []}', ["$.capabilities: the list is empty, so every capability is dropped"]),
        ('{"capabilities": ["KILL", "FLY"]}', ['$.capabilities[1]: "FLY" is no known capability, ignored']),
        ('{"capabilities": ["CAP_KILL"]}',
         ['$.capabilities[0]: "CAP_KILL" is no known capability, ignored; did you mean "KILL"?']),
        ('{"capabilities": ["kill"]}',
         ['$.capabilities[0]: "kill" is no known capability, ignored; did you mean "KILL"?']),
        ('{"capabilities": ["AUDIT_READ"]}', ['$.capabilities[0]: "AUDIT_READ" is no known capability, ignored']),
        (f'{{{KEEP}, "namespaces": [{{"type": "NEWCGROUP"}}]}}',
         ['$.namespaces[0].type: "NEWCGROUP" is no known namespace, ignored']),
        (f'{{{KEEP}, "namespaces": [{{"type": "newns", "path": "/x"}}]}}',
         ['$.namespaces[0].type: "newns" is no known namespace, whatever its path names is joined']),
        (f'{{{KEEP}, "namespaces": [{{"type": "NEWNS"}}, {{"type": "NEWNS", "path": "/x"}}]}}',
         ['$.namespaces[1].type: "NEWNS" is listed again']),
        (f'{{{KEEP}, "mount_config": {{"mounts": [{{"type": "ext4"}}]}}}}',
         ['$.mount_config.mounts[0].type: "ext4" is neither "bind" nor "tmpfs"']),
        (f'{{{KEEP}, "mount_config": {{"mounts": [{{"type": "bind", "relabel": "x"}}]}}}}',
         ['$.mount_config.mounts[0].relabel: "x" is neither "z" nor "Z", and acts as "Z"']),
        (f'{{{KEEP}, "mount_config": {{"device_nodes": [{{"type": 98}}, {{"type": 100}}]}}}}',
         ['$.mount_config.device_nodes[1].type: 100 is no type of device; 98 ("b") and 99 ("c") are']),
        (f'{{{KEEP}, "networks": [{{"type": "loopback"}}, {{"type": "veth"}}, {{"type": "bridge"}}]}}',
         ['$.networks[2].type: "bridge" is neither "loopback" nor "veth"']),
        (f'{{{KEEP}, "rlimits": [{{"type": 0}}, {{"type": 15}}, {{"type": 16}}, {{"type": -1}}]}}',
         ["$.rlimits[2].type: 16 is no resource, which are 0 to 15",
          "$.rlimits[3].type: -1 is no resource, which are 0 to 15"]),
        (f'{{{KEEP}, "rlimits": [{{"type": 7, "soft": 2, "hard": 1}}]}}',
         ["$.rlimits[0].soft: 2 is above the hard limit of 1"]),
        (f'{{{KEEP}, "additional_groups": [4294967294, 4294967295, -1]}}',
         ["$.additional_groups[1]: 4294967295 is no group id", "$.additional_groups[2]: -1 is no group id"]),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_accepted_with_a_finding(text: str, expected: list[str]) -> None:
    assert [str(finding) for finding in decode(text.encode(), "c.json").findings] == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"capabilities": ["%s"]}',
        '{"namespaces": [{"type": "%s"}]}',
        '{"networks": [{"type": "%s"}]}',
        '{"mount_config": {"mounts": [{"type": "%s", "relabel": "%s"}]}}',
        '{"%s": 1}',
    ],
)
def test_a_finding_is_one_line_of_bounded_length(text: str) -> None:
    lines = findings(text.replace("%s", r"\n\u2028\u001b" * 10_000))
    assert any("..." in line for line in lines)
    assert all(line.isprintable() and len(line) < 1000 for line in lines)


# -- What follows from a configuration ---------------------------------------------------------------------------------


def with_namespaces(*namespaces: tuple[str, str]) -> Configuration:
    return Configuration(namespaces=tuple(Namespace(type=kind, path=path) for kind, path in namespaces))


def kinds(configuration: Configuration) -> list[tuple[str, str]]:
    return [(namespace.type, namespace.path) for namespace in configuration.namespaces]


def test_the_flags_are_those_of_the_namespaces_to_create() -> None:
    assert Configuration().clone_flags == 0
    configuration = with_namespaces(("NEWNS", ""), ("NEWPID", ""), ("NEWNS", ""), ("NEWIPC", "/x"), ("NEWTIME", ""))
    assert configuration.clone_flags == CloneFlag.NEWNS | CloneFlag.NEWPID
    everything = with_namespaces(*((kind, "") for kind in NAMESPACE_FLAGS))
    assert everything.clone_flags == 0x7C020000


def test_a_duplicate_with_a_path_does_not_hide_the_one_to_create() -> None:
    assert with_namespaces(("NEWNET", "/x"), ("NEWNET", "")).clone_flags == CloneFlag.NEWNET


def test_a_namespace_to_join_is_contained() -> None:
    configuration = with_namespaces(("NEWIPC", "/x"), ("SOMETHING", ""))
    assert configuration.has_namespace("NEWIPC")
    assert configuration.has_namespace("SOMETHING")
    assert not configuration.has_namespace("NEWNS")


def test_adding_replaces_the_path_of_the_first_entry() -> None:
    configuration = with_namespaces(("NEWNS", ""), ("NEWIPC", "/a"), ("NEWIPC", "/b"))
    assert kinds(configuration.with_namespace("NEWIPC")) == [("NEWNS", ""), ("NEWIPC", ""), ("NEWIPC", "/b")]
    assert kinds(Configuration().with_namespace("NEWPID", "/p")) == [("NEWPID", "/p")]
    assert kinds(configuration.with_namespace("NEWPID")) == [*kinds(configuration), ("NEWPID", "")]


def test_removing_takes_the_first_entry_only() -> None:
    configuration = with_namespaces(("NEWIPC", "/a"), ("NEWNS", ""), ("NEWIPC", "/b"))
    assert kinds(configuration.without_namespace("NEWIPC")) == [("NEWNS", ""), ("NEWIPC", "/b")]
    assert configuration.without_namespace("NEWPID") == configuration
    assert with_namespaces(("NEWNET", "")).without_namespace("NEWNET") == Configuration()


def test_the_capabilities_are_those_of_the_time() -> None:
    assert len(CAPABILITIES) == 37
    assert sorted(CAPABILITIES.values()) == list(range(37))
    assert (CAPABILITIES["CHOWN"], CAPABILITIES["SYS_ADMIN"], CAPABILITIES["BLOCK_SUSPEND"]) == (0, 21, 36)


def test_kept_capabilities_are_the_known_ones() -> None:
    configuration = Configuration(capabilities=("MKNOD", "SETPCAP", "SETPCAP", "NOPE", "CAP_KILL", "AUDIT_READ"))
    assert configuration.kept_capabilities == CapSet.of(Cap.MKNOD, Cap.SETPCAP)
    assert Cap.SYS_ADMIN not in configuration.kept_capabilities


# -- The examples ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_an_example_is_read_without_findings(path: Path) -> None:
    loaded = load(path)
    assert loaded.findings == ()
    assert loaded.configuration.mount_config is not None
    nodes = {node and node.path for node in loaded.configuration.mount_config.device_nodes}
    assert {f"/dev/{name}" for name in ("null", "zero", "full", "tty", "random", "urandom")} <= nodes


def test_the_examples_differ_in_what_they_are_named_for() -> None:
    examples = {path.stem: load(path).configuration for path in EXAMPLES.glob("*.json")}
    minimal = examples["minimal"]
    assert minimal.clone_flags.bit_count() == 5
    assert minimal.tty
    assert minimal.restrict_sys
    assert minimal.user == "daemon"
    assert minimal.cgroups is not None
    assert len(minimal.cgroups.allowed_devices) == 14
    assert [network and network.type for network in minimal.networks] == ["loopback"]
    assert examples["root-user"].user == "root"
    assert not examples["no-tty"].tty
    assert not examples["host-pid"].has_namespace("NEWPID")
    assert examples["joined-ipc"].has_namespace("NEWIPC")
    assert not examples["joined-ipc"].clone_flags & CloneFlag.NEWIPC
    assert len(examples["rlimits"].rlimits) == 4


# -- Any input ---------------------------------------------------------------------------------------------------------

MINIMAL = (EXAMPLES / "minimal.json").read_bytes()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An example with a part of it replaced by something else."""
    start = draw(st.integers(0, len(MINIMAL)))
    end = draw(st.integers(start, min(start + 40, len(MINIMAL))))
    alphabet = st.sampled_from(
        [b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"-1", b"1e9", b"\\", b"\xff", b"\n"]
    )
    return MINIMAL[:start] + draw(alphabet | st.binary(max_size=8)) + MINIMAL[end:]


@given(data=st.binary() | damaged(), origin=st.text())
def test_any_bytes_are_a_configuration_or_one_sentence_that_names_the_file(data: bytes, origin: str) -> None:
    try:
        loaded = decode(data, origin)
    except ConfigurationError as error:
        sentence = str(error)
    else:
        sentence = ""
        assert all(str(finding).isprintable() for finding in loaded.findings)
        assert read(encode(loaded.configuration)) == loaded.configuration
    assert sentence.isprintable()
    assert sentence == "" or sentence.startswith((f"{origin}: ", f"{origin!a}: "))


INT = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
DEVICES = st.lists(
    st.none() | st.builds(Device, type=st.integers(-(2**31), 2**31 - 1), path=TEXT, uid=st.integers(0, 2**32 - 1)),
    max_size=3,
).map(tuple)
MAPPINGS = st.none() | st.lists(st.builds(IdMapping, container_id=INT, host_id=INT, size=INT), max_size=3).map(tuple)
CONFIGURATIONS = st.builds(
    Configuration,
    mount_config=st.none() | st.builds(MountConfig, readonly_fs=st.booleans(), device_nodes=DEVICES),
    hostname=TEXT,
    tty=st.booleans(),
    environment=st.lists(TEXT, max_size=3).map(tuple),
    namespaces=st.lists(
        st.builds(Namespace, type=st.sampled_from([*NAMESPACE_FLAGS, "OTHER"]), path=TEXT), max_size=4
    ).map(tuple),
    networks=st.lists(st.none() | st.builds(Network, type=TEXT, mtu=INT), max_size=2).map(tuple),
    cgroups=st.none() | st.builds(Cgroup, memory=INT, allowed_devices=DEVICES),
    rlimits=st.lists(
        st.builds(Rlimit, type=INT, hard=st.integers(0, 2**64 - 1), soft=st.integers(0, 2**64 - 1)), max_size=2
    ).map(tuple),
    additional_groups=st.lists(INT, max_size=3).map(tuple),
    uid_mappings=MAPPINGS,
    gid_mappings=MAPPINGS,
)


@given(CONFIGURATIONS)
def test_what_is_written_is_read_back(configuration: Configuration) -> None:
    assert read(encode(configuration)) == configuration


@given(CONFIGURATIONS, CONFIGURATIONS)
def test_reading_twice_gives_the_same(configuration: Configuration, other: Configuration) -> None:
    before = decode(encode(configuration), "c.json")
    decode(encode(other), "other.json")
    assert decode(encode(configuration), "c.json") == before

"""Who a process becomes: the lookup of a `user` in passwd and group files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initflow.users import ExecUser, Group, User, UserLookupError, exec_user, parse_group, parse_passwd

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)

PASSWD = b"""\
root:x:0:0:The Boss:/root:/bin/sh
heron:x:21:22::/var/heron:/bin/false
not a line of passwd at all
1500:x:30:31::/named-like-a-number:
twin:x:21:99::/second:
"""
GROUP = b"""\
root:x:0:root
heron:x:22:
fishers:x:40:heron,root
2500:x:41:
waders:x:42:root,heron
"""
DEFAULTS = ExecUser(uid=700, gid=701, sgids=(702,), home="/default")


def become(
    spec: str, passwd: bytes | None = PASSWD, group: bytes | None = GROUP
) -> tuple[int, int, tuple[int, ...], str]:
    user = exec_user(spec, DEFAULTS, passwd, group)
    return user.uid, user.gid, user.sgids, user.home


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        # a name, and the groups that list it, in the order of the file
        ("root", (0, 0, (0, 40, 42), "/root")),
        ("heron", (21, 22, (40, 42), "/var/heron")),
        ("heron:", (21, 22, (40, 42), "/var/heron")),
        # the number of an entry is as good as its name, and the first entry counts
        ("21", (21, 22, (40, 42), "/var/heron")),
        # an entry that is named like a number is found by it
        ("1500", (30, 31, (702,), "/named-like-a-number")),
        # an explicit group: by name, by number, by a name like a number, by a number in no file; no other groups then
        ("root:heron", (0, 22, (702,), "/root")),
        ("heron:40", (21, 40, (702,), "/var/heron")),
        ("heron:2500", (21, 41, (702,), "/var/heron")),
        ("heron:1234", (21, 1234, (702,), "/var/heron")),
        ("21:fishers:waders:ignored", (21, 40, (702,), "/var/heron")),
        # a number in no file leaves the rest as it was
        ("1337", (1337, 701, (702,), "/default")),
        ("1337:1234", (1337, 1234, (702,), "/default")),
        ("2147483647:2147483647", (2147483647, 2147483647, (702,), "/default")),
        ("+5", (5, 701, (702,), "/default")),
        # a number is looked up as it is written: 0021 is not the 21 of an entry
        ("0021", (21, 701, (702,), "/default")),
        ("00", (0, 701, (702,), "/default")),
        ("-0", (0, 701, (702,), "/default")),
        # nothing, or only a group
        ("", (700, 701, (702,), "/default")),
        (":", (700, 701, (702,), "/default")),
        (":fishers", (700, 40, (702,), "/default")),
        # a line that is no entry is one all the same: of uid 0
        ("not a line of passwd at all", (0, 0, (702,), "")),
    ],
)
def test_a_spec_names_a_user_and_a_group(spec: str, expected: tuple[object, ...]) -> None:
    assert become(spec) == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nobody", "Unable to find user nobody"),
        ("nobody:nogroup", "Unable to find user nobody"),
        ("nobody:heron", "Unable to find user nobody"),
        ("nobody:1234", "Unable to find user nobody"),
        ("root:nogroup", "Unable to find group nogroup"),
        ("1337:nogroup", "Unable to find group nogroup"),
        (":nogroup", "Unable to find group nogroup"),
        ("-1:0", "Uids and gids must be in range 0-2147483647"),
        ("0:-3", "Uids and gids must be in range 0-2147483647"),
        ("-5:-2", "Uids and gids must be in range 0-2147483647"),
        ("2147483648", "Uids and gids must be in range 0-2147483647"),
        ("-9223372036854775808", "Uids and gids must be in range 0-2147483647"),
        ("9223372036854775807", "Uids and gids must be in range 0-2147483647"),
        # beyond 64 bits it is no number to Go
        ("9223372036854775808", "Unable to find user 9223372036854775808"),
        ("99999999999999999999", "Unable to find user 99999999999999999999"),
        ("0:99999999999999999999", "Unable to find group 99999999999999999999"),
        ("1_000", "Unable to find user 1_000"),
        ("\u0663", "Unable to find user \u0663"),  # a digit, but not to Go
        (" heron", "Unable to find user  heron"),
        ("+-5", "Unable to find user +-5"),
        ("-", "Unable to find user -"),
        ("0x10", "Unable to find user 0x10"),
    ],
)
def test_a_lookup_fails_with_the_original_text(spec: str, message: str) -> None:
    with pytest.raises(UserLookupError) as error:
        become(spec)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("spec", "passwd", "group", "expected"),
    [
        ("", None, None, (700, 701, (702,), "/default")),
        ("0", None, None, (0, 701, (702,), "/default")),
        ("0:0", None, None, (0, 0, (702,), "/default")),
        ("root", PASSWD, None, (0, 0, (702,), "/root")),
        ("root", PASSWD, b"", (0, 0, (702,), "/root")),
        (":heron", None, GROUP, (700, 22, (702,), "/default")),
    ],
)
def test_a_file_that_cannot_be_opened_is_an_empty_one(
    spec: str, passwd: bytes | None, group: bytes | None, expected: tuple[object, ...]
) -> None:
    assert become(spec, passwd, group) == expected


def test_without_a_user_the_entry_of_the_default_uid_counts() -> None:
    passwd = b"first:x:700:5::/home/first:\nsecond:x:700:6::/home/second:\n"
    assert become("", passwd, b"g:x:9:second\nh:x:8:first\n") == (700, 5, (8,), "/home/first")
    assert become(":9", passwd) == (700, 9, (702,), "/home/first")


def test_the_ids_of_an_entry_have_no_range() -> None:
    assert become("odd", b"odd:x:-4:4294967296:::\n", b"g:x:-7:odd\n") == (-4, 4294967296, (-7,), "")
    assert become("-4", b"odd:x:-4:1:::\n", b"") == (-4, 1, (702,), "")


def test_a_group_is_found_by_its_number() -> None:
    assert become("heron:-7", PASSWD, b"odd:x:-7:\n") == (21, -7, (702,), "/var/heron")


def test_an_entry_without_a_name_is_in_no_group() -> None:
    assert become("5", b":x:5:6::/home:\n", b"g:x:9:,\n") == (5, 6, (702,), "/home")


def test_a_group_that_lists_a_user_twice_counts_once_and_equal_groups_twice() -> None:
    assert become("heron", PASSWD, b"a:x:9:heron,heron\nb:x:9:heron\n") == (21, 22, (9, 9), "/var/heron")


def test_passwd_lines_are_parsed_leniently() -> None:
    assert parse_passwd(b"\n  \t\n a:b:1:2:c:d:e:f:g \r\n\x0bz\n\xc2\xa0n:::x\xe3\x80\x80") == (
        User("a", "b", 1, 2, "c", "d", "e"),
        User("z", "", 0, 0, "", "", ""),
        User("n", "", 0, 0, "", "", ""),
    )


def test_one_carriage_return_belongs_to_the_end_of_a_line() -> None:
    assert parse_group(b"a:x:5:b\r\nc:x:6:d\r\r\n\r\ne:x:7:f\r") == (
        Group("a", "x", 5, ("b",)),
        Group("c", "x", 6, ("d\r",)),
        Group("e", "x", 7, ("f",)),
    )


def test_group_lines_keep_the_space_around_them() -> None:
    assert parse_group(b" a :x: 5:b, c \n \n\nd:x:5:\ne:x:5:,\n") == (
        Group(" a ", "x", 0, ("b", " c ")),
        Group(" ", "", 0, ()),
        Group("d", "x", 5, ()),
        Group("e", "x", 5, ("", "")),
    )


@pytest.mark.parametrize("kept", ["\x1c", "\x1d", "\x1e", "\x1f", "\u180e", "\u200b", "\ufeff"])
def test_what_is_no_white_space_to_go_is_not_stripped(kept: str) -> None:
    assert [user.name for user in parse_passwd(f"{kept}a\n".encode())] == [kept + "a"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("+7", 7),
        ("-7", -7),
        ("007", 7),
        ("", 0),
        ("-", 0),
        ("7 ", 0),
        ("7x", 0),
        ("1_0", 0),
        ("0x7", 0),
        ("9223372036854775807", INT64_MAX),
        ("9223372036854775808", INT64_MAX),
        ("-9223372036854775808", INT64_MIN),
        ("-9223372036854775809", INT64_MIN),
        ("9" * 5000, INT64_MAX),
        # a letter makes it no number, unless the digits before it went beyond 64 bits
        ("18446744073709551615x", 0),
        ("18446744073709551616x", INT64_MAX),
        ("-18446744073709551616x", INT64_MIN),
    ],
)
def test_what_is_no_number_is_0_and_what_is_too_large_the_largest(text: str, number: int) -> None:
    assert [user.uid for user in parse_passwd(f"a:x:{text}:0".encode())] == [number]


@pytest.mark.parametrize(("length", "is_read"), [(2**16 - 1, True), (2**16, False)])
@pytest.mark.parametrize("end", [b"", b"\n", b"\nlast:x:3:3"])
@pytest.mark.parametrize("carriage_return", [b"", b"\r"])
def test_a_line_of_64_kib_ends_the_file(length: int, is_read: bool, end: bytes, carriage_return: bytes) -> None:
    line = b"long:x:2:2:".ljust(length - len(carriage_return), b"g") + carriage_return
    names = [user.name for user in parse_passwd(b"first:x:1:1\n" + line + end)]
    assert names == ["first", *(["long"] if is_read else []), *(["last"] if is_read and b"last" in end else [])]


def test_bytes_that_are_not_utf8_are_carried_through() -> None:
    home = exec_user("a", ExecUser(), b"a:x:1:1::/\xff\x85:\n", None).home
    assert home.encode("utf-8", "surrogateescape") == b"/\xff\x85"


LINES = st.binary(max_size=200) | st.lists(st.text("ab01:,- \n\r\t", max_size=60)).map(
    lambda parts: "\n".join(parts).encode()
)


@given(spec=st.text("ab01:-+", max_size=8) | st.text(max_size=20), passwd=st.none() | LINES, group=st.none() | LINES)
def test_any_files_give_a_user_or_one_of_the_three_errors(spec: str, passwd: bytes | None, group: bytes | None) -> None:
    try:
        user = exec_user(spec, DEFAULTS, passwd, group)
        message = None
    except UserLookupError as error:
        user, message = DEFAULTS, str(error)
    assert all(INT64_MIN <= number <= INT64_MAX for number in (user.uid, user.gid, *user.sgids))
    wanted_user, wanted_group = (*spec.split(":"), "")[:2]
    assert message in (
        None,
        f"Unable to find user {wanted_user}",
        f"Unable to find group {wanted_group}",
        "Uids and gids must be in range 0-2147483647",
    )


NAMES = st.text("abcdefg", min_size=1, max_size=3)
IDS = st.integers(0, 2**31 - 1)


@given(st.lists(st.tuples(NAMES, IDS, IDS, NAMES)))
def test_a_passwd_file_is_read_as_it_was_written(entries: list[tuple[str, int, int, str]]) -> None:
    content = "".join(f"{name}:x:{uid}:{gid}::/{home}:\n" for name, uid, gid, home in entries).encode()
    assert [(user.name, user.uid, user.gid, user.home[1:]) for user in parse_passwd(content)] == entries


@given(IDS, IDS)
def test_a_numeric_user_and_group_are_taken_as_they_are_without_files(uid: int, gid: int) -> None:
    assert become(f"{uid}:{gid}", None, None) == (uid, gid, (702,), "/default")

"""The store: everything that is written can be undone and redone, and a digest says only what the state is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekernel.store import ALL, TABLE, Record, Store, Table, digest
from kernelapi.errors import ModelError


class Node(Record):
    value: int
    next: "Node | None" = None
    entries: Table[int, int] = TABLE


Operation = tuple[str, int, int]
OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["value", "next", "set", "delete"]), st.integers(0, 4), st.integers(0, 9)), max_size=40
)


def apply(node: Node, operation: Operation) -> None:
    kind, key, value = operation
    if kind == "value":
        node.value = value
    elif kind == "next":
        node.next = Node(store=node.store, value=value)
    elif kind == "set":
        node.entries[key] = value
    elif key in node.entries:
        del node.entries[key]


@given(OPERATIONS, OPERATIONS)
def test_undo_then_redo_leads_back(first: list[Operation], second: list[Operation]) -> None:
    store = Store()
    node = Node(store=store, value=0)
    for operation in first:
        apply(node, operation)
    before, start = digest(node), store.position
    for operation in second:
        apply(node, operation)
    after, end = digest(node), store.position
    store.rewind(start)
    assert digest(node) == before
    store.advance(end)
    assert digest(node) == after


def test_a_digest_does_not_depend_on_the_order_in_which_a_table_was_filled() -> None:
    store = Store()
    left, right = Node(store=store, value=1), Node(store=store, value=1)
    for key in (1, 2, 3):
        left.entries[key] = key
    for key in (3, 1, 2):
        right.entries[key] = key
    assert digest(left) == digest(right)


def test_a_digest_tells_sharing_from_equality() -> None:
    store = Store()
    shared = Node(store=store, value=5)
    left = Node(store=store, value=0, next=Node(store=store, value=1, next=shared))
    assert left.next is not None
    before = digest(left)
    left.next.next = Node(store=store, value=5)
    assert digest(left) == before  # an equal object in the same place is the same state
    left.next.next = left
    assert digest(left) != before


def test_reads_and_writes_are_reported_by_object_and_field() -> None:
    store = Store(track_reads=True)
    node = Node(store=store, value=1)
    node.entries[7] = 8
    store.reads.clear()
    start = store.position
    assert node.value == 1
    assert node.entries.get(3) is None
    assert list(node.entries) == [7]
    node.value = 2
    assert store.reads == {(node, "value"), (node, "entries"), (node.entries, 3), (node.entries, ALL)}
    assert store.writes(start) == {(node, "value")}


def test_a_position_that_was_given_up_cannot_be_reached() -> None:
    store = Store()
    node = Node(store=store, value=0)
    node.value = 1
    with pytest.raises(ModelError):
        store.advance(2)
    with pytest.raises(ModelError):
        store.rewind(2)


def test_a_record_without_one_of_its_fields_is_refused() -> None:
    with pytest.raises(TypeError, match="value"):
        Node(store=Store())  # type: ignore[call-arg]


def test_a_digest_is_of_values_alone() -> None:
    with pytest.raises(ModelError, match=r"1\.5 is not a value that state may hold"):
        digest(Node(store=Store(), value=1.5))  # type: ignore[arg-type]


def test_a_journal_tells_whose_what_was_written() -> None:
    store = Store()
    node = Node(store=store, value=0)
    node.entries[7] = 8
    node.value = 1
    first, second = store.journal
    assert (first.owner, first.key, repr(first.old), first.new) == (node.entries, 7, "absent", 8)
    assert (second.owner, second.key, second.old, second.new) == (node, "value", 0, 1)
    assert repr(second.owner) == f"<Node {id(node):#x}>"

"""Where all mutable state of the machine lives: every write is journalled, every read can be reported.

Two kinds of objects hold state: a `Record` has named fields, a `Table` has entries by key. Both write through to the
journal of the `Store` that they were made in. From the journal, and from nothing else, come the write set of a call, the
state at an earlier event, the difference between two, undo and redo. A store that tracks reads makes its objects of
subclasses that report each access; one that does not pays nothing for it.

What is not state (a memo, a Python function) is a field whose name begins with an underscore: it is neither journalled
nor part of a digest.
"""

import enum
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar, cast, dataclass_transform

from kernelapi.capability import CapSet
from kernelapi.errors import ModelError


class _Absent(enum.Enum):
    ABSENT = "absent"

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent.ABSENT
"""In the journal: there was no such entry, or there no longer is."""

ALL = "*"
"""As the key of a read: the whole table was looked through."""


class Write(NamedTuple):
    """One entry of the journal. For a record, `key` is the name of the field."""

    owner: "Record | Table[Any, Any]"
    key: Any
    old: Any
    new: Any


_new_tuple = tuple.__new__
"""`_new_tuple(Write, (owner, key, old, new))` is `Write(owner, key, old, new)` in half the time."""


class Store:
    """The journal of one machine, and where it stands in it.

    `journal[:position]` has been done; what follows, if anything, was undone by `rewind` and can be redone by `advance`.
    A new write forgets it.
    """

    def __init__(self, *, track_reads: bool = False) -> None:
        self.journal: list[Write] = []
        self.undone: list[Write] = []
        self.track_reads = track_reads
        self.reads: set[tuple[Any, Any]] = set()

    @property
    def position(self) -> int:
        """How many writes have been done."""
        return len(self.journal)

    def rewind(self, position: int) -> None:
        """Undo every write after `position`. `ModelError` if that lies ahead."""
        if position > len(self.journal):
            raise ModelError(f"cannot rewind to {position}: the journal ends at {len(self.journal)}")
        backwards = self.journal[: -1 - len(self.journal) + position : -1]
        del self.journal[position:]
        for owner, key, old, _ in backwards:
            if isinstance(owner, Record):
                _set(owner, key, old)
            else:
                owner._put(key, old)
        self.undone += backwards

    def advance(self, position: int) -> None:
        """Redo undone writes up to `position`. `ModelError` if that was never reached, or has been overwritten."""
        if position > len(self.journal) + len(self.undone):
            raise ModelError(f"cannot advance to {position}: nothing is known beyond {len(self.journal) + len(self.undone)}")
        count = position - len(self.journal)
        if count <= 0:
            return
        forwards = self.undone[: -1 - count : -1]
        del self.undone[-count:]
        for owner, key, _, new in forwards:
            if isinstance(owner, Record):
                _set(owner, key, new)
            else:
                owner._put(key, new)
        self.journal += forwards

    def forget_undone(self) -> None:
        """Give up what `rewind` undid: the machine goes on from here by another path."""
        self.undone.clear()

    def writes(self, start: int, end: int | None = None) -> set[tuple[Any, Any]]:
        """The (owner, key) pairs written in `journal[start:end]`."""
        return {(owner, key) for owner, key, _, _ in self.journal[start:end]}


K = TypeVar("K")
V = TypeVar("V")


class Table(Generic[K, V]):
    """Entries by key, journalled one by one. Iteration is in the order of insertion, undo aside: sort where it shows."""

    __slots__ = ("entries", "store")

    def __init__(self, store: Store, entries: dict[K, V] | None = None) -> None:
        self.store = store
        self.entries: dict[K, V] = dict(entries) if entries else {}
        if store.track_reads and type(self) is Table:
            self.__class__ = _TrackedTable

    def __getitem__(self, key: K) -> V:
        return self.entries[key]

    def get(self, key: K) -> V | None:
        return self.entries.get(key)

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[K]:
        return iter(self.entries)

    def values(self) -> list[V]:
        return list(self.entries.values())

    def items(self) -> list[tuple[K, V]]:
        return list(self.entries.items())

    def __setitem__(self, key: K, value: V) -> None:
        self.store.journal.append(_new_tuple(Write, (self, key, self.entries.get(key, ABSENT), value)))
        self.entries[key] = value

    def __delitem__(self, key: K) -> None:
        self.store.journal.append(_new_tuple(Write, (self, key, self.entries.pop(key), ABSENT)))

    def pop(self, key: K) -> V:
        value = self[key]
        del self[key]
        return value

    def _put(self, key: K, value: Any) -> None:
        if value is ABSENT:
            del self.entries[key]
        else:
            self.entries[key] = value


class _TrackedTable(Table[K, V]):
    """A table that reports which of its keys were looked at."""

    __slots__ = ()

    def __getitem__(self, key: K) -> V:
        self.store.reads.add((self, key))
        return self.entries[key]

    def get(self, key: K) -> V | None:
        self.store.reads.add((self, key))
        return self.entries.get(key)

    def __contains__(self, key: object) -> bool:
        self.store.reads.add((self, key))
        return key in self.entries

    def __len__(self) -> int:
        self.store.reads.add((self, ALL))
        return len(self.entries)

    def __iter__(self) -> Iterator[K]:
        self.store.reads.add((self, ALL))
        return iter(self.entries)

    def values(self) -> list[V]:
        self.store.reads.add((self, ALL))
        return list(self.entries.values())

    def items(self) -> list[tuple[K, V]]:
        self.store.reads.add((self, ALL))
        return list(self.entries.items())

    def pop(self, key: K) -> V:
        value = self[key]
        del self[key]
        return value


TABLE: Any = object()
"""As the default of a field: a new, empty table."""


@dataclass_transform(kw_only_default=True)
class _RecordType(type):
    """Makes slots of the annotated fields, and for each class a subclass that reports reads."""

    _defaults: dict[str, Any]
    _fields: tuple[str, ...]
    _tracked: "type[Record] | None"
    _construct: Callable[..., Any]

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], *, tracked: bool = False) -> "_RecordType":
        own = [] if tracked else [field for field in namespace.get("__annotations__", {}) if field != "store"]
        defaults: dict[str, Any] = {}
        inherited: tuple[str, ...] = ()
        for base in bases:
            defaults.update(getattr(base, "_defaults", {}))
            inherited += getattr(base, "_fields", ())
        defaults.update((field, namespace.pop(field)) for field in own if field in namespace)
        namespace["__slots__"] = (*namespace.get("__slots__", ()), *own)
        cls = super().__new__(mcs, name, bases, namespace)
        cls._defaults = defaults
        cls._fields = inherited + tuple(own)
        cls._tracked = None
        cls._construct = staticmethod(_constructor(cls))
        return cls

    def __call__(cls, **values: Any) -> Any:
        self = cls._construct(**values)
        if self.store.track_reads:
            self.__class__ = cls._reporting()
        return self

    def _reporting(cls) -> "type[Record]":
        if cls._tracked is None:
            body = {"__getattribute__": _report_read, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
            cls._tracked = cast("type[Record]", _RecordType(cls.__name__, (cls,), body, tracked=True))
        return cls._tracked


def _constructor(cls: _RecordType) -> Callable[..., Any]:
    """`def construct(*, store, uid, comm="")` for `cls`: fills the slots, without a trace in the journal.

    It does so while the object is of a class that has the same slots and sets them plainly; a table gets one of its own.
    """
    scope = {"CLASS": cls, "PLAIN": _plain_class(cls), "NEW": object.__new__, "TABLE": TABLE, "Table": Table, **cls._defaults}
    parameters = [f"{field}={field}" if field in cls._defaults else field for field in cls._fields]
    text = [f"def construct(*, {', '.join(['store', *parameters])}):", "self = NEW(PLAIN)", "self.store = store"]
    for field in cls._fields:
        made = f"Table(store) if {field} is TABLE else {field}" if cls._defaults.get(field) is TABLE else field
        text.append(f"self.{field} = {made}")
    exec("\n    ".join([*text, "self.__class__ = CLASS", "return self"]), scope)
    return cast("Callable[..., Any]", scope["construct"])


def _plain_class(cls: _RecordType) -> type:
    return type.__new__(_RecordType, cls.__name__, (cls,), {"__slots__": (), "__setattr__": object.__setattr__})


def _report_read(self: Any, name: str) -> Any:
    cls = type(self)
    if name in cls._fields and name[0] != "_":
        object.__getattribute__(self, "store").reads.add((self, name))
    return object.__getattribute__(self, name)


class Record(metaclass=_RecordType):
    """An object of the kernel: a process, an inode, a mount. Fields are declared by annotation and set by keyword.

    Compared and hashed by identity.
    """

    __slots__ = ("store",)
    store: Store
    if TYPE_CHECKING:
        _defaults: ClassVar[dict[str, Any]]
        _fields: ClassVar[tuple[str, ...]]

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] != "_":
            self.store.journal.append(_new_tuple(Write, (self, name, _get(self, name), value)))
        _set(self, name, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {id(self):#x}>"


_get: Callable[[Any, str], Any] = object.__getattribute__
_set: Callable[[Any, str, Any], None] = object.__setattr__


def reachable(root: Record) -> Iterator[Record]:
    """Every object that the state refers to from `root` on."""
    seen = {root}
    waiting: list[Any] = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Record):
            yield value
            inner: Iterable[Any] = (_get(value, field) for field in type(value)._fields)
        elif isinstance(value, Table):
            inner = (part for item in value.entries.items() for part in item)
        elif isinstance(value, (tuple, frozenset)):
            inner = value
        elif is_dataclass(value) and not isinstance(value, type):
            inner = (getattr(value, field.name) for field in fields(value))
        else:
            continue
        for each in inner:
            if not isinstance(each, Record):
                waiting.append(each)
            elif each not in seen:
                seen.add(each)
                waiting.append(each)


def digest(root: Record) -> str:
    """A canonical fingerprint of everything reachable from `root`, in hexadecimal.

    Objects are numbered in the order in which a walk first meets them, so it depends on the state alone: not on the
    identity or age of objects, nor on the order of a table's keys.
    """
    numbers: dict[Record, int] = {}
    waiting: list[Record] = []
    out: list[str] = []

    def name(record: Record) -> str:
        if record not in numbers:
            numbers[record] = len(numbers)
            waiting.append(record)
        return f"#{numbers[record]}"

    def text(value: Any) -> str:
        if isinstance(value, Record):
            return name(value)
        if isinstance(value, Table):
            return "{" + ",".join(f"{text(k)}:{text(value.entries[k])}" for k in sorted(value.entries)) + "}"
        if isinstance(value, tuple):
            return "(" + ",".join(map(text, value)) + ")"
        if isinstance(value, frozenset):
            return "{" + ",".join(sorted(map(text, value))) + "}"
        if isinstance(value, CapSet):
            return f"caps {value.mask:x}"
        if isinstance(value, enum.Enum):
            return str(value)
        if is_dataclass(value) and not isinstance(value, type):
            return type(value).__name__ + text(tuple(getattr(value, field.name) for field in fields(value)))
        if value is None or isinstance(value, (int, str, bytes)):
            return repr(value)
        if callable(value):
            return f"{value.__module__}.{value.__qualname__}"
        raise ModelError(f"{value!r} is not a value that state may hold")

    name(root)
    for record in waiting:  # grows while it is walked
        cls = type(record)
        out.append(cls.__name__)
        out.extend(f"{field}={text(_get(record, field))}" for field in cls._fields if field[0] != "_")
    return hashlib.blake2b("\n".join(out).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

"""A finding in one word: the input that shows it, and which one it is.

A token is `fz1.` and base64url of: four bytes of CRC-32, then the finding's id, a newline and the input's text, deflated with
`DICTIONARY`. It holds all that a run depends on, so that it means the same on every machine. Another layout, or another
dictionary, gets another number.
"""

import base64
import binascii
import zlib

from initflow.fuzzing.inputs import Input, InputError, read_input

PREFIX = "fz1."
MAX_SIZE = 32 * 2**20
"""Bytes that a token may stand for."""

DICTIONARY = (
    b'{"image":"generated","oddity":"Drawn by a strategy.","files":[["proc",16895,"","/tmp",0,0,0,""]],"missing":["etc/passwd"'
    b'],"volume":[],"readonly":true,"caller":"closed-streams+leaks-directory+subreaper+few-descriptors","host":{"shared_mounts":false,'
    b'"bounding":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40],'
    b'"cgroup_v1":["cpu","cpuacct","cpuset","memory","devices","freezer","blkio","perf_event"],"processors":1,"limits":[]},"args":["'
    b'/bin/true"]}],"apparmor_profile":"","process_label":"","routes":[{"destination":"","source":"","interface_name":"eth0"}],"rlimits'
    b'":[{"type":7,"soft":256,"hard":1024}],"additional_groups":[],"gid_mappings":[{"container_id":0,"host_id":1000,"size":1}],"uid_map'
    b'pings":[{"container_id":0,"host_id":0,"size":65535}],"networks":[{"type":"loopback"},{"type":"veth","bridge":"docker0","veth_pref'
    b'ix":"vh","mac_address":"","address":"172.17.0.23/16","ipv6_address":"","gateway":"172.17.42.1","ipv6_gateway":"","mtu":1450,"txqu'
    b'euelen":500,"hairpin_mode":true}],"cgroups":{"name":"heron","parent":"initflow","allow_all_devices":true,"allowed_devices":[{"cgr'
    b'oup_permissions":"rwm"}],"memory":0,"memory_reservation":0,"memory_swap":0,"cpu_shares":0,"cpu_quota":0,"cpu_period":0,"cpuset_cp'
    b'us":"","cpuset_mems":"","blkio_weight":0,"freezer":"","slice":""},"capabilities":["CHOWN","SETUID","SETPCAP","NET_RAW","SYS_ADMIN'
    b'"],"environment":["PATH=/usr/sbin:/usr/bin:/sbin:/bin","HOME=/","TERM=linux"],"tty":true,"restrict_sys":true,"root_fs":"/var/lib/'
    b'initflow/rootfs","working_dir":"/","user":"daemon","hostname":"heron","mount_config":{"no_pivot_root":true,"pivot_dir":"","readon'
    b'ly_fs":true,"mounts":[{"type":"bind","source":"/var/lib/initflow/volume","destination":"/run","writable":true,"relabel":"","priva'
    b'te":true,"slave":true},{"type":"tmpfs","destination":"/tmp"}],"mount_label":"","device_nodes":[{"type":99,"path":"/dev/null","maj'
    b'or_number":1,"minor_number":3,"file_mode":438,"uid":0,"gid":0}]},"namespaces":[{"type":"NEWNS"},{"type":"NEWPID"},{"type":"NEWNET'
    b'"},{"type":"NEWIPC","path":"/proc/1/ns/ipc"},{"type":"NEWUTS"},{"type":"NEWUSER"}],"document":{}}'
)  # fmt: skip
"""What most inputs are made of, the most usual last: it keeps tokens short."""


class TokenError(ValueError):
    """A token cannot be read: a clause that says why."""


def token(id: str, shown: Input) -> str:
    """The token of the finding `id` as `shown` shows it."""
    data = f"{id}\n{shown.text}".encode("ascii")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=DICTIONARY)
    packed = zlib.crc32(data).to_bytes(4) + deflater.compress(data) + deflater.flush()
    return PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_token(word: str) -> tuple[str, Input]:
    """The id of the finding, and the input. Raises `TokenError`."""
    word = "".join(word.split())  # a terminal or a mail may have broken it
    if not word.startswith(PREFIX):
        raise TokenError(f"it does not begin with {PREFIX}")
    body = word.removeprefix(PREFIX)
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), b"-_", validate=True)
        inflater = zlib.decompressobj(-15, zdict=DICTIONARY)
        data = inflater.decompress(packed[4:], MAX_SIZE)
    except (binascii.Error, zlib.error, ValueError):
        raise TokenError("it is damaged") from None
    if not inflater.eof or inflater.unused_data or packed[:4] != zlib.crc32(data).to_bytes(4):
        raise TokenError("it is damaged, or cut short")
    id, _, text = data.decode("ascii", "replace").partition("\n")
    try:
        return id, read_input(text)
    except InputError as error:
        raise TokenError(f"what it holds is no input: {error}") from None

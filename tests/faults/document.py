"""Answers of the status API, healthy and spoiled, as the bytes that a server sends."""

from __future__ import annotations

import json
import zlib

#: What a queue without trouble says.
SOUND = '{"consumers": 1, "job_awaiting": 0, "job_running": 0}'

#: What a queue that nobody works says, which has to be seen.
DEAD = '{"consumers": 0, "job_awaiting": 0, "job_running": 0}'

QUEUES = ("rodin.mesh", "rodin.pack", "rodin.remesh", "rodin.texture")
FIELDS = ("consumers", "job_awaiting", "job_running")

MEBIBYTE = 1 << 20


def answer(*more: str, mesh: str = SOUND) -> bytes:
    """Return an answer with the documented queues; *more* are raw members, *mesh* a raw value."""
    values = dict.fromkeys(QUEUES, SOUND) | {"rodin.mesh": mesh}
    members = [f"{json.dumps(name)}: {value}" for name, value in values.items()]
    return ("{" + ", ".join([*members, *more]) + "}").encode("utf-8", "surrogatepass")


def queue(field: str, raw: str) -> str:
    """Return a sound queue in which *field* has the *raw* value."""
    members = json.loads(SOUND)
    return "{" + ", ".join(f'"{n}": {raw if n == field else v}' for n, v in members.items()) + "}"


def queue_without(field: str) -> str:
    """Return a sound queue that lacks *field*."""
    return json.dumps({name: value for name, value in json.loads(SOUND).items() if name != field})


def queue_with(*members: str) -> str:
    """Return a sound queue with more raw members."""
    return SOUND[:-1] + "".join(f", {member}" for member in members) + "}"


def named(name: str, value: str = SOUND) -> str:
    """Return a queue of that name as a raw member."""
    return f"{json.dumps(name)}: {value}"


def crowd(count: int) -> bytes:
    """Return an answer with *count* queues, the documented ones among them."""
    short = '{"consumers":1,"job_awaiting":0,"job_running":0}'
    return answer(*(f'"q{number}":{short}' for number in range(count - len(QUEUES))))


def padded(size: int) -> bytes:
    """Return a healthy answer of exactly *size* bytes."""
    return answer().ljust(size)


def packed(data: bytes) -> bytes:
    """Return *data* as gzip."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    return deflate.compress(data) + deflate.flush()


def bomb(mebibytes: int) -> bytes:
    """Return gzip that unpacks to so many mebibytes of a JSON object that does not end.

    One mebibyte is packed and its block repeated, so that making it costs nothing.
    """
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = deflate.compress(b"{".ljust(MEBIBYTE)) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(b" " * MEBIBYTE) + deflate.flush(zlib.Z_FULL_FLUSH)
    return first + block * (mebibytes - 1)

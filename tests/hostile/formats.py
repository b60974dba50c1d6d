"""Changes to the structure of tables, arrays, archives and pictures."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

TEXTS = (
    "",
    " ",
    "id",
    "a",
    "0",
    "-1",
    "nan",
    "1e999",
    "train",
    "../../../etc/passwd",
    "/etc/passwd",
    "..",
    "=1+1",
    "@x",
    "\ud800",
    "\0",
    "\u202e",
    "e\u0301",
    "`x`",
    "javascript:alert(1)",
    "9" * 5000,
    "x y\tz\n",
    "x" * 3000,
)
_UTF8 = tuple(text for text in TEXTS if "\ud800" not in text)
Mutated = Callable[[str, bytes, Random], bytes]


def parquet_changed(content: bytes, rng: Random) -> bytes:
    table = table_changed(pq.read_table(io.BytesIO(content)), rng)
    file = io.BytesIO()
    pq.write_table(
        table,
        file,
        compression=rng.choice(("snappy", "zstd", "gzip", "none")),
        use_dictionary=rng.random() < 0.5,
        row_group_size=rng.choice((1, 3, 10_000)),
    )
    return file.getvalue()


def arrow_changed(content: bytes, rng: Random) -> bytes:
    table = ipc.open_stream(io.BytesIO(content)).read_all()
    table.validate(full=True)  # Arrow ends the process over some tables that are not valid
    table = table_changed(table, rng)
    file = io.BytesIO()
    opened = ipc.new_stream if rng.random() < 0.5 else ipc.new_file
    with opened(file, table.schema) as writer:
        writer.write_table(table)
    return file.getvalue()


def table_changed(table: pa.Table, rng: Random) -> pa.Table:
    """Another type, other values, a column or rows too many or too few."""
    number = rng.randrange(table.num_columns)
    name, column = table.column_names[number], table.column(number).combine_chunks()
    n = len(table)
    match rng.randrange(9):
        case 0:
            return table.remove_column(number)
        case 1:
            return table.append_column(rng.choice(table.column_names), column)
        case 2:
            names = list(table.column_names)
            names[number] = rng.choice((*_UTF8, names[0]))
            return table.rename_columns(names)
        case 3:
            return table.slice(rng.randrange(n + 1), rng.randrange(n + 1))
        case 4:
            return pa.concat_tables([table] * rng.choice((2, 3)))
        case 5:
            mask = np.array([rng.random() < 0.5 for _ in range(n)], bool)
            values = pa.array(
                [None if gone else one for one, gone in zip(column.to_pylist(), mask, strict=True)],
                column.type,
            )
        case 6:
            values = _of_another_type(n, rng)
        case 7:
            values = pa.array([rng.choice(_UTF8) for _ in range(n)])
        case _:
            values = _broken_text(n)
    return table.set_column(number, name, values)


def _of_another_type(n: int, rng: Random) -> pa.Array:
    return rng.choice(
        (
            pa.nulls(n),
            pa.array([rng.choice((0, -1, 2**31, 2**62)) for _ in range(n)], pa.int64()),
            pa.array([2**64 - 1] * n, pa.uint64()),
            pa.array([rng.choice((0.0, float("nan"), float("inf"), 1e308))] * n),
            pa.array([True] * n),
            pa.array([b"\xff\xd8\xff"] * n, pa.binary()),
            pa.array([["a", None]] * n, pa.list_(pa.string())),
            pa.array([[0.5, float("nan")]] * n, pa.list_(pa.float32())),
            pa.array([[[1.0]]] * n),
            pa.array([{"bytes": b"x", "path": "/etc/passwd"}] * n),
            pa.array([{"a": 1}] * n),
            pa.array(["a"] * n).dictionary_encode(),
            pa.array(["a"] * n, pa.large_string()),
            pa.array([0] * n, pa.timestamp("s")),
        )
    )


def _broken_text(n: int) -> pa.Array:
    """Strings that are not UTF-8, which Arrow writes without looking."""
    ends = np.arange(n + 1, dtype=np.int32) * 2
    return pa.Array.from_buffers(
        pa.string(), n, [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"\xff\xfe" * n)]
    )


def npy_changed(content: bytes, rng: Random) -> bytes:
    """Another header, or other numbers."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    shape, fortran, kind = np.lib.format.read_array_header_1_0(file)
    body = content[file.tell() :]
    if rng.random() < 0.3:
        return content[: file.tell()] + numbers_changed(body, rng)
    if rng.random() < 0.3:
        array = np.load(io.BytesIO(content))
        made = io.BytesIO()
        np.save(
            made,
            rng.choice(
                (
                    array[0],
                    array.T,
                    array[:1],
                    array[None],
                    array[:, :0],
                    array.astype(np.int8),
                    array.astype(complex),
                    np.array(["a"]),
                )
            ),
        )
        return made.getvalue()
    shape = rng.choice(
        (
            shape,
            shape[::-1],
            (-1, 2),
            (2**31, 2**31),
            (2**62,),
            (),
            (0,),
            shape * 2,
            ("a",),
            3,
            None,
        )
    )
    descr = rng.choice(
        (
            kind.str,
            "|O",
            "<f8",
            ">f4",
            "<i8",
            "<U9",
            "|b1",
            "<c16",
            "<M8[s]",
            "|V0",
            [("a", "<f4")],
            "x",
        )
    )
    head = repr(
        {"descr": descr, "fortran_order": rng.choice((fortran, not fortran, 3)), "shape": shape}
    )
    head += " " * rng.randrange(40) + "\n"
    number = rng.choice((version, (2, 0), (3, 0), (9, 9)))
    size = len(head).to_bytes(2 if number[0] == 1 else 4, "little")
    return b"\x93NUMPY" + bytes(number) + size + head.encode() + body


def numbers_changed(body: bytes, rng: Random) -> bytes:
    """NaN, infinities, zeros or the largest numbers at some places, in half or single precision."""
    kind = rng.choice((np.float16, np.float32))
    size = len(body) // np.dtype(kind).itemsize
    values = np.frombuffer(body, kind, size).copy()
    for _ in range(rng.choice((1, 3, size))):
        if size:
            values[rng.randrange(size)] = rng.choice((np.nan, np.inf, -np.inf, 0, 6e4, 6e-8))
    return values.tobytes() + body[values.nbytes :]


def zip_changed(content: bytes, rng: Random, mutated: Mutated) -> bytes:
    """A member renamed, changed, doubled, made a link, encrypted in name or said to be huge."""
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        members = [(one, opened.read(one)) for one in opened.infolist()]
    number = rng.randrange(len(members))
    info, inside = members[number]
    match rng.randrange(6):
        case 0:
            info.filename = rng.choice((*_UTF8, "../x.png", "a\\..\\x.png", "C:x.png"))
        case 1:
            inside = mutated(info.filename, inside, rng)
        case 2:
            members.append((info, inside))
        case 3:
            info.external_attr = (0o120777 if rng.random() < 0.5 else 0o010666) << 16
        case 4:
            inside = bytes(2_000_000)
        case _:
            return _directory_changed(content, rng)
    members[number] = info, inside
    file = io.BytesIO()
    with zipfile.ZipFile(
        file, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    ) as made:
        for one, member in members:
            copy = zipfile.ZipInfo(one.filename.replace("\0", "?") or "?")
            copy.external_attr, copy.compress_type = one.external_attr, made.compression
            made.writestr(copy, member)
    return file.getvalue()


def _directory_changed(content: bytes, rng: Random) -> bytes:
    """A field of an entry of the directory: flags, method, sums, sizes, place."""
    places = [at for at in range(len(content)) if content.startswith(b"PK\x01\x02", at)]
    at = rng.choice(places) + rng.choice((8, 10, 16, 20, 24, 28, 42))
    value = rng.choice((b"\1\0", b"\x63\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0"))
    return content[:at] + value + content[at + len(value) :]


def tar_changed(content: bytes, rng: Random, mutated: Mutated) -> bytes:
    """A member renamed, changed, doubled, made a link, a device or sparse."""
    file = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(content)) as opened,
        tarfile.open(
            fileobj=file, mode="w", format=rng.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))
        ) as made,
    ):
        members = opened.getmembers()
        chosen = rng.randrange(len(members))
        for number, one in enumerate(members):
            inside = opened.extractfile(one).read()
            if number == chosen:
                match rng.randrange(4):
                    case 0:
                        one.name = rng.choice((*_UTF8, "../x.png", "/x.png"))
                    case 1:
                        inside = mutated(one.name, inside, rng)
                    case 2:
                        one.type = rng.choice(
                            (
                                tarfile.SYMTYPE,
                                tarfile.LNKTYPE,
                                tarfile.FIFOTYPE,
                                tarfile.CHRTYPE,
                                tarfile.DIRTYPE,
                                tarfile.CONTTYPE,
                            )
                        )
                        one.linkname, inside = "/etc/passwd", b""
                    case _:
                        made.addfile(one, io.BytesIO(inside))
            one.size = len(inside)
            made.addfile(one, io.BytesIO(inside))
    return file.getvalue()


def png_changed(content: bytes, rng: Random) -> bytes:
    """A field of a chunk with the checksum that belongs to it, or a chunk left out or moved."""
    chunks, at = [], 8
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += 12 + size
    number = rng.randrange(len(chunks))
    name, body = chunks[number]
    match rng.randrange(4):
        case 0:
            del chunks[number]
        case 1:
            chunks.insert(rng.randrange(len(chunks)), chunks[number])
        case 2:
            chunks[number] = (
                rng.choice(
                    (
                        b"IHDR",
                        b"PLTE",
                        b"tRNS",
                        b"eXIf",
                        b"zTXt",
                        b"iCCP",
                        b"acTL",
                        b"fcTL",
                        b"gAMA",
                    )
                ),
                body,
            )
        case _:
            place = rng.randrange(max(len(body), 1))
            value = rng.choice((b"\0", b"\xff", b"\0\0\xff\xff", b"\x7f\xff\xff\xff", b"\x10"))
            chunks[number] = name, body[:place] + value + body[place + len(value) :]
    packed = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    return content[:8] + b"".join(packed)

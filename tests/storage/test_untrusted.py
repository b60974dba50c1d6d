"""Files of unknown origin: what is in them is checked before it is used."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from lsr.storage.untrusted import (
    DamagedError,
    UnexpectedError,
    check_array,
    parse_json,
    parsed,
    read_tensors,
    tensor_shapes,
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": "dog \\ud800"}', r"half of a character, \\ud800"),
        ('{"\\uDC00": 1}', r"half of a character, \\udc00"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": 1' + "0" * 5_000 + "}", "4300 digits"),
        ("{", "Expecting property name"),
        ("", "Expecting value"),
    ],
)
def test_json_that_cannot_be_used_is_refused_with_the_reason(text, why):
    with pytest.raises(DamagedError, match=why):
        parse_json(text)


@pytest.mark.parametrize("text", ['"\\ud83d\\ude00"', '"\\\\ud800"', '"\U0001f600"'])
def test_whole_characters_of_json_stay(text):
    assert parse_json(text) == json.loads(text)


def npy(path, head: bytes, body: bytes = b"") -> None:
    size = len(head).to_bytes(2, "little")
    path.write_bytes(b"\x93NUMPY\x01\x00" + size + head + body)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "0 of 12 bytes"),
        (b"{'descr': '<f4', 'fortran_order': False, 'shape': (2**9,), }", "malformed|Cannot parse"),
        (b"{'descr': '|O', 'fortran_order': False, 'shape': (0,), }", "values of type object"),
        (b"{'descr': '<U9', 'fortran_order': False, 'shape': (0,), }", "values of type <U9"),
        (b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "a shape of"),
        (b"{'descr': '<f4', 'fortran_order': False, 'shape': (10**6,) * 9, }", "parse|malformed"),
        (b"{'descr': '<f4', 'fortran_order': False, 'shape': (9000000000000,), }", "0 of 36,000"),
        (b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (0,), }", "values of type"),
        (b"{'descr: '<f4'", "EOF|literal|parse"),
        (b"\xff" * 40, "malformed"),
    ],
)
def test_an_array_whose_header_lies_is_refused_before_it_is_mapped(tmp_path, head, why):
    npy(tmp_path / "x.npy", head)
    with pytest.raises(DamagedError, match=why):
        check_array(tmp_path / "x.npy")


def test_every_wrong_byte_of_a_header_is_harmless(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(6, dtype=np.float32).reshape(2, 3))
    whole = path.read_bytes()
    for place in range(128):
        for byte in b"\x00('{[,:\xff9":
            path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
            try:
                check_array(path)
            except DamagedError:
                continue
            np.load(path, mmap_mode="r", allow_pickle=False)


def test_tensors_are_read_by_name(tmp_path):
    path = tmp_path / "x.safetensors"
    tensors = {"a": np.ones((2, 3), np.float16), "b": np.zeros(1, np.int64)}
    save_file(tensors, path)
    assert tensor_shapes(path) == {"a": (2, 3), "b": (1,)}
    assert list(read_tensors(path, ["a"])) == ["a"]
    assert read_tensors(path)["a"].dtype == np.float16
    with pytest.raises(UnexpectedError, match="lacks c"):
        read_tensors(path, ["c"])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedError):
        read_tensors(path)


def test_a_missing_file_is_missing_and_an_interrupt_passes(tmp_path):
    for read in (check_array, tensor_shapes):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "x")
    with pytest.raises(KeyboardInterrupt), parsed():
        raise KeyboardInterrupt

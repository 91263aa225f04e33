import errno
import os
import stat
import time

import pytest

from schedules import CacheError, config
from schedules.native import cache

ENTRY = cache.Entry({"name": "k", "signature": {"tables": []}}, (b"first object", b"", b"\x00second"))


def keep(key, entry=ENTRY):
    cache.write(key, cache.pack(entry))


def names(path):
    return sorted(p.name for p in path.iterdir())


@pytest.fixture
def full_disk(monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache.os, "replace", fail)


def test_pack_and_unpack():
    assert cache.unpack(cache.pack(ENTRY)) == ENTRY
    assert cache.pack(ENTRY) == cache.pack(ENTRY)


def test_every_altered_byte_and_every_truncation_is_noticed():
    data = cache.pack(ENTRY)
    for i in range(len(data)):
        with pytest.raises(ValueError, match="damaged"):
            cache.unpack(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
        with pytest.raises(ValueError, match="damaged"):
            cache.unpack(data[:i])
    with pytest.raises(ValueError, match="damaged"):
        cache.unpack(data + b"x")


def test_keeps_and_finds(own_cache):
    assert cache.read("key") is None
    keep("key")
    assert cache.read("key") == ENTRY
    assert names(own_cache) == ["key.kernel"]
    assert stat.S_IMODE(own_cache.stat().st_mode) == 0o700
    assert stat.S_IMODE((own_cache / "key.kernel").stat().st_mode) == 0o600


def test_a_damaged_entry_is_not_used_and_is_replaced(own_cache, messages):
    keep("key")
    file = own_cache / "key.kernel"
    file.write_bytes(file.read_bytes()[:-1])
    assert cache.read("key") is None
    assert cache.read("key") is None
    assert messages.text.count("rebuilding") == 1
    keep("key")
    assert cache.read("key") == ENTRY


def test_the_environment_moves_the_cache(own_cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HALIDE_FILTERS_CACHE", "near")
    assert cache.directory() == tmp_path / "near"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HALIDE_FILTERS_CACHE", "~/kernels")
    assert cache.directory() == tmp_path / "kernels"
    monkeypatch.delenv("HALIDE_FILTERS_CACHE")
    assert "halide-filters" in str(cache.directory())
    with config(cache=tmp_path / "here"):
        assert cache.directory() == tmp_path / "here"


@pytest.mark.parametrize("off", ["off", "OFF"])
def test_the_cache_can_be_switched_off(own_cache, monkeypatch, off):
    with config(cache=off):
        keep("key")
        with cache.lock("key"):
            assert cache.read("key") is None
    monkeypatch.setenv("HALIDE_FILTERS_CACHE", off)
    assert cache.directory() is None
    assert not own_cache.exists()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777, 0o720])
def test_a_directory_others_can_write_to_is_refused(own_cache, mode):
    own_cache.mkdir()
    own_cache.chmod(mode)
    for use in (lambda: cache.read("key"), lambda: keep("key"), lambda: cache.lock("key").__enter__()):
        with pytest.raises(CacheError, match=r"others can write to the cache .*: remove it, choose another"):
            use()
    assert names(own_cache) == []


def test_a_directory_of_somebody_else_is_refused(own_cache, monkeypatch):
    keep("key")
    monkeypatch.setattr(cache.os, "getuid", lambda: os.geteuid() + 1)
    with pytest.raises(CacheError, match=r"belongs to another user: choose another .*HALIDE_FILTERS_CACHE=off"):
        cache.read("key")


def test_others_may_look(own_cache):
    own_cache.mkdir()
    own_cache.chmod(0o755)
    keep("key")
    assert cache.read("key") == ENTRY


def test_what_was_checked_is_what_is_used(own_cache, tmp_path):
    real = tmp_path / "real"
    real.mkdir(mode=0o700)
    own_cache.symlink_to(real)
    assert cache.usable_directory() == real


def test_a_place_that_cannot_be_made_is_said_once(own_cache, messages):
    own_cache.write_text("a file is in the way")
    for key in ("one", "two"):
        keep(key)
        with cache.lock(key):
            assert cache.read(key) is None
    assert len(messages.records) == 1
    assert "new kernels are not kept" in messages.text


def test_a_full_disk_is_said_once(own_cache, messages, full_disk):
    keep("one")
    keep("two")
    assert len(messages.records) == 1
    assert "No space left on device" in messages.text
    assert names(own_cache) == []


def test_what_could_not_be_written_whole_is_not_there(own_cache, run_python):
    script = """
import resource
from pathlib import Path
from schedules.native import cache
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
import logging
logging.getLogger("halide_filters").addHandler(logging.NullHandler())
cache.write("key", bytes(100_000))
print(cache.read("key"), list(cache.directory().iterdir()))
"""
    assert run_python(script) == "None []\n"


def test_a_cache_that_cannot_be_locked_still_serves(own_cache, messages, monkeypatch):
    keep("key")
    (own_cache / "key.lock").mkdir()
    with cache.lock("key"):
        assert cache.read("key") == ENTRY
    assert "new kernels are not kept" in messages.text


def test_the_shipped_layer_is_read_and_never_written(own_cache, tmp_path, monkeypatch, messages):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    monkeypatch.setattr(cache, "SHIPPED", shipped)
    (shipped / "key.kernel").write_bytes(cache.pack(ENTRY))
    (shipped / "bad.kernel").write_bytes(cache.pack(ENTRY)[:-1])
    assert cache.read("key") == ENTRY
    assert cache.read("bad") is None
    assert "rebuilding" in messages.text
    keep("other")
    assert names(shipped) == ["bad.kernel", "key.kernel"]
    with config(cache="off"):
        assert cache.read("key") == ENTRY
    mine = cache.Entry({"name": "mine"}, ())
    keep("key", mine)
    assert cache.read("key") == mine


def age(file, seconds):
    os.utime(file, (time.time() - seconds,) * 2)


def test_the_entries_not_used_for_longest_go(own_cache, monkeypatch):
    monkeypatch.setenv("HALIDE_FILTERS_CACHE_MB", "1")
    big = cache.Entry({"name": "big"}, (bytes(400_000),))
    for seconds, key in ((300, "old"), (200, "used"), (0, "new")):
        with cache.lock(key):
            keep(key, big)
        if seconds:
            age(own_cache / f"{key}.kernel", seconds)
        if key == "used":
            cache.read("old")
    found = [name for name in names(own_cache) if name.endswith(".kernel")]
    assert found == ["new.kernel", "old.kernel"]
    assert "used.lock" not in names(own_cache)


def test_the_newest_entry_stays_whatever_the_limit(own_cache, monkeypatch):
    monkeypatch.setenv("HALIDE_FILTERS_CACHE_MB", "0")
    keep("old")
    age(own_cache / "old.kernel", 10)
    keep("new")
    assert names(own_cache) == ["new.kernel"]


def test_a_lock_somebody_holds_is_not_removed(own_cache, monkeypatch):
    monkeypatch.setenv("HALIDE_FILTERS_CACHE_MB", "0")
    keep("old")
    age(own_cache / "old.kernel", 10)
    with cache.lock("old"):
        keep("new")
        assert names(own_cache) == ["new.kernel", "old.lock"]


@pytest.mark.parametrize("text", ["lots", "-1", "1.5", "²"])
def test_the_limit_is_checked(monkeypatch, text):
    monkeypatch.setenv("HALIDE_FILTERS_CACHE_MB", text)
    with pytest.raises(ValueError, match="HALIDE_FILTERS_CACHE_MB must be a whole number of megabytes"):
        cache.limit_bytes()


def test_what_a_killed_process_left_goes_after_an_hour(own_cache):
    keep("key")
    for name, seconds in (("fresh.tmp", 60), ("stale.tmp", 7200)):
        (own_cache / name).write_bytes(b"half an object")
        age(own_cache / name, seconds)
    keep("other")
    assert names(own_cache) == ["fresh.tmp", "key.kernel", "other.kernel"]


def test_scratch_folders_go_at_once_or_after_an_hour(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path))
    stale = tmp_path / "halide-filters-x.tmp"
    stale.mkdir()
    (stale / "out").write_bytes(b"")
    age(stale, 7200)
    other = tmp_path / "x.tmp"
    other.mkdir()
    age(other, 7200)
    with cache.scratch() as folder:
        (folder / "out").write_bytes(b"")
        assert set(tmp_path.iterdir()) == {folder, other}
    assert set(tmp_path.iterdir()) == {other}

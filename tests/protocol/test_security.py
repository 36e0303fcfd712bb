"""What docs/security.md says: where the kernel listens, what signs messages, and whose cache is believed."""

import os

import pytest

from support import caches, process

NOBODY = 65534


def test_the_kernel_listens_where_the_connection_file_says_and_nowhere_else(start):
    kernel = start()
    kernel.run("1 + 1").result("2").idle()
    assert process.listening(process.tree(kernel.process.pid)) == {"0100007F"}


def test_an_empty_key_switches_signing_off(start):
    kernel = start(key=b"")
    # both sides' messages have an empty signature, which the frontend checks
    kernel.run("1 + 1").result("2").idle()


def test_a_new_cache_is_its_owners_alone(start, tmp_path):
    cache = tmp_path / "new" / "cache"
    before = os.umask(0)
    try:
        kernel = start(FERROLAB_CACHE_DIR=str(cache))
        story = kernel.run("1 + 1").until("display_data")
        assert cache.stat().st_mode & 0o777 == 0o700
        # what is prepared now takes a minute, and is of no use here
        kernel.interrupt()
        assert story.ends() == "error"
    finally:
        os.umask(before)


@pytest.mark.parametrize("change", ["owner", "mode"])
def test_a_cache_that_others_could_have_written_is_refused(start, tmp_path, root_user, change):
    if change == "owner" and not root_user:
        pytest.skip("only root can give a folder away")
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    if change == "owner":
        os.chown(cache, NOBODY, NOBODY)
    else:
        cache.chmod(0o777)
    kernel = start(FERROLAB_CACHE_DIR=str(cache))
    said = "belongs to another user" if change == "owner" else "others may write to the cache directory"
    kernel.run("1 + 1").fails(None, said, str(cache))
    assert not caches.files(cache), "nothing was written to it"


def test_cells_have_the_users_rights(start, tmp_path):
    """It is no sandbox, and nobody should believe it."""
    kernel = start()
    kernel.run(f'std::fs::write("{tmp_path}/written", "by a cell")?;').idle()
    assert (tmp_path / "written").read_text() == "by a cell"

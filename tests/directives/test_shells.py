"""`%%bash` and `%%sh`: which shell runs."""

import shutil

import pytest


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_is_bash(k):
    k.run('%%bash\na=(x y z)\necho "${a[1]} $BASH"').says("y ", "bash")


def test_sh_is_sh(k):
    k.run('%%sh\necho "shell: ${0}"').stdout("shell: sh\n").idle()


def test_without_bash_sh_runs_and_says_so(start, tmp_path):
    shutil.copy(shutil.which("sh"), tmp_path / "sh")
    shutil.copy(shutil.which("echo"), tmp_path / "echo")
    kernel = start()
    kernel.ok(f":env PATH={tmp_path}")
    kernel.run("%%bash\necho here").says("there is no bash", "here")

"""A Jupyter server as far as a kernel can tell: it starts it as jupyter_client does, and can be killed.

Run as `python server.py [--option …] -- command…`. Options: `--wait` (stay when the kernel's process has ended),
`--no-pipe` (the kernel's standard input is /dev/null), `--name=PID` (name that process instead of itself),
`--no-session` (leave the kernel in this one's session).
"""

import os
import signal
import subprocess
import sys


def main() -> None:
    split = sys.argv.index("--")
    options, command = sys.argv[1:split], sys.argv[split + 1 :]
    named = next((o.removeprefix("--name=") for o in options if o.startswith("--name=")), str(os.getpid()))
    environment = dict(os.environ, JPY_PARENT_PID=named)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kernel = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL if "--no-pipe" in options else subprocess.PIPE,
        start_new_session="--no-session" not in options,
    )
    code = kernel.wait()
    while "--wait" in options:
        signal.pause()
    sys.exit(code)


if __name__ == "__main__":
    main()

"""A real JupyterLab with the kernel, and a headless Chromium that a person could sit before."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.request

import nbformat

from . import process

TOKEN = "test-token"
# no news pop-up and no update check (both want the internet); off-screen cells stay in the page
OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}


def chromium() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@contextlib.contextmanager
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        yield one
        one.close()


class Lab:
    """A JupyterLab, with copies of the notebooks."""

    def __init__(self, base: str, books: pathlib.Path):
        self.base, self.books = base, books

    def put(self, path: str, body: dict) -> None:
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base}{path}?token={TOKEN}", data, {"Content-Type": "application/json"}, method="PUT")
        urllib.request.urlopen(request).close()

    def book(self, name: str, cells: list[str]) -> str:
        """A notebook with these cells; returns its name."""
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
        book.metadata["kernelspec"] = {"name": "ferrolab", "display_name": "Rust (Ferrolab)", "language": "rust"}
        self.put(f"/api/contents/{name}", {"type": "notebook", "format": "json", "content": book})
        return name

    def theme(self, theme: str) -> None:
        """Light or Dark, for pages that are opened from now on."""
        self.put("/lab/api/settings/@jupyterlab/apputils-extension:themes", {"raw": json.dumps({"theme": f"JupyterLab {theme}"})})

    def open(self, browser, name: str, height: int = 2600, width: int = 1280, **options):
        """A page with the notebook, its kernel connected."""
        page = browser.new_page(viewport={"width": width, "height": height}, **options)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(f"{self.base}/doc/tree/{name}?token={TOKEN}&reset", wait_until="domcontentloaded")
        self.ready(page)
        return page

    @staticmethod
    def ready(page, state: str = "Idle") -> None:
        """Waits for the status bar to say so: running before that asks which kernel is meant."""
        page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=60_000)
        page.wait_for_function(
            """state => [...document.querySelectorAll('#jp-main-statusbar .jp-StatusBar-TextItem')]
                 .some(e => e.textContent.endsWith('| ' + state) && !/No Kernel/.test(e.textContent))""",
            arg=state,
            timeout=60_000,
        )

    @staticmethod
    def run_all(page) -> None:
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    @staticmethod
    def wait(page) -> None:
        """Until every cell has its number."""
        page.wait_for_function(
            """() => { const p = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].map(e => e.textContent.trim());
                 return p.length > 0 && p.every(t => /^\\[\\d+\\]:$/.test(t)); }""",
            timeout=240_000,
        )
        page.wait_for_timeout(500)
        page.evaluate("document.activeElement?.blur()")

    def open_and_run(self, browser, name: str, picture: pathlib.Path, height: int = 2600):
        """Opens the notebook, chooses Run All Cells, waits for every prompt; returns the page."""
        page = self.open(browser, name, height)
        try:
            self.run_all(page)
            self.wait(page)
        finally:
            page.screenshot(path=str(picture))
            print(f"screenshot: {picture}")
        assert not page.problems, page.problems
        return page


@contextlib.contextmanager
def lab(ferrolab: pathlib.Path, folder: pathlib.Path):
    """Starts a JupyterLab in a folder, and ends it."""
    books = folder / "notebooks"
    shutil.copytree(process.ROOT / "notebooks", books, ignore=shutil.ignore_patterns(".*", "*.executed.*"))
    settings = folder / "overrides"
    settings.mkdir()
    (settings / "overrides.json").write_text(json.dumps(OVERRIDES))
    env = process.environment(
        JUPYTER_DATA_DIR=str(folder / "data"),
        JUPYTER_RUNTIME_DIR=str(folder / "runtime"),
        JUPYTER_CONFIG_DIR=str(folder / "config"),
        JUPYTERLAB_SETTINGS_DIR=str(folder / "settings"),
        JUPYTERLAB_WORKSPACES_DIR=str(folder / "workspaces"),
    )
    subprocess.run([str(ferrolab), "install", "--user"], check=True, env=env, stdin=subprocess.DEVNULL)
    port = process.free_ports(1)[0]
    log = (folder / "lab.log").open("wb")
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
            "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={books}",
            "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly", f"--LabApp.app_settings_dir={settings}",
        ],
        env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=folder,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{base}/api/status?token={TOKEN}").close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < deadline, (folder / "lab.log").read_text()[-3000:]
                time.sleep(0.1)
        yield Lab(base, books)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()

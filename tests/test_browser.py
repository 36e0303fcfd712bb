"""JupyterLab in headless Chromium runs the quickstart as a person does; the screenshot is kept to be looked at."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest

from support import process

TOKEN = "test-token"
# no news pop-up and no update check (both want the internet); off-screen cells stay in the page
OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}


@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("no Chromium: apt-get install chromium, or set CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(ferrolab, tmp_path_factory):
    """A JupyterLab with the kernel and copies of the notebooks."""
    folder = tmp_path_factory.mktemp("lab")
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
        yield base
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


def open_and_run(browser, base, name, picture):
    """Opens the notebook, chooses Run All Cells, waits for every prompt; returns the page."""
    page = browser.new_page(viewport={"width": 1280, "height": 2600})
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    try:
        page.goto(f"{base}/doc/tree/{name}?token={TOKEN}&reset", wait_until="domcontentloaded")
        page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=60_000)
        # the status bar says `KERNEL | Idle` only once the kernel is connected; running before that asks which kernel
        page.wait_for_function(
            """() => [...document.querySelectorAll('#jp-main-statusbar .jp-StatusBar-TextItem')]
                 .some(e => /\\| Idle$/.test(e.textContent) && !/No Kernel/.test(e.textContent))""",
            timeout=60_000,
        )
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_function(
            """() => { const p = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].map(e => e.textContent.trim());
                 return p.length > 0 && p.every(t => /^\\[\\d+\\]:$/.test(t)); }""",
            timeout=240_000,
        )
        page.wait_for_timeout(500)
        page.evaluate("document.activeElement?.blur()")
    finally:
        page.screenshot(path=str(picture))
        print(f"screenshot: {picture}")
    assert not problems, problems
    return page


def test_quickstart(lab, browser):
    picture = process.WORK / "01_quickstart.png"
    page = open_and_run(browser, lab, "01_quickstart.ipynb", picture)
    text = page.inner_text(".jp-NotebookPanel-notebook")
    assert not re.search(r"SyntaxError|Javascript Error|Error displaying", text)
    figures = page.locator(".jp-OutputArea-output img, .jp-OutputArea-output svg").count()
    assert figures >= 2, f"{figures} figures are shown"
    sizes = page.locator(".jp-OutputArea-output img, .jp-OutputArea-output svg").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).map(r => [r.width, r.height])"
    )
    assert all(width > 100 and height > 5 for width, height in sizes), sizes

    from PIL import Image

    with Image.open(picture) as image:
        colours = image.convert("RGB").getcolors(1 << 24)
    assert colours and len(colours) > 200, "the screenshot is all but empty"
    page.close()

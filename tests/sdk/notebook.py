"""JupyterLab and Chromium: a notebook logs in, its person approves in a second tab, a cell calls the platform.

    notebook.py ADDRESS PICTURES USERNAME PASSWORD EMAIL

The browser is driven by the WebDriver protocol (W3C), whose few commands need no package.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

address, pictures, username, password, email = sys.argv[1:]
pictures = pathlib.Path(pictures)
PATIENCE = 240
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    def __init__(self, driver, folder):
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1200,900",
            f"--user-data-dir={folder}",
        ]
        chrome = {"args": options}
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": chrome}}
        self.base = driver
        started = self.call("POST", "", {"capabilities": wanted})
        self.base = f"{driver}/{started['sessionId']}"

    def call(self, method, path, body=None):
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise LookupError(json.load(error)["value"]["message"].splitlines()[0]) from None

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        """The element, as soon as it is there."""

        def look():
            try:
                found = self.call("POST", "/element", {"using": "css selector", "value": selector})
            except LookupError:
                return None
            return found[ELEMENT]

        return until(f"`{selector}` in the page", look)

    def type(self, selector, text):
        self.call("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def click(self, selector):
        self.call("POST", f"/element/{self.find(selector)}/click")

    def text(self):
        return self.run("return document.body.innerText")

    def shows(self, text):
        until(f"`{text}` on the page", lambda: text in self.text(), self.text)

    def picture(self, name):
        (pictures / f"{name}.png").write_bytes(base64.b64decode(self.call("GET", "/screenshot")))


def until(what, look, context=lambda: ""):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise TimeoutError(f"no {what}: {context()}")


def line_with(process, text):
    for line in process.stdout:
        print(line.rstrip(), flush=True)
        if text in line:
            return line
    raise EOFError(f"no line with {text}")


def cell(source):
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def notebook(path):
    cells = [
        cell(f'import wallaroo\n\nwl = wallaroo.Client("{address}", auth_type="sso")'),
        cell("[workspace.name() for workspace in wl.list_workspaces()]"),
        cell("%load_ext bearerd\n%bearer status"),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    for number, each in enumerate(cells):
        each["id"] = f"cell-{number}"
    path.write_text(json.dumps(content))


def log_in(browser, lab):
    browser.call("POST", "/url", {"url": lab})
    until("JupyterLab", lambda: browser.run("return !!(window.jupyterapp && jupyterapp.shell.currentWidget)"))
    browser.find(".jp-Notebook .jp-CodeCell")
    until("kernel", lambda: browser.run(IS_IDLE))
    # What JupyterLab itself has to say lies over nothing of the pictures.
    browser.run("document.head.insertAdjacentHTML('beforeend', '<style>.Toastify { display: none }</style>')")
    browser.run("jupyterapp.commands.execute('notebook:run-all-cells')")
    browser.find(".jp-OutputArea-output .bearerd-login[data-state=pending] svg[role=img]")
    browser.shows("Waiting for you to log in.")
    browser.picture("notebook-login-1-waiting")
    first = browser.call("GET", "/window")

    browser.click(".bearerd-login a[href*='user_code=']")
    windows = lambda: browser.call("GET", "/window/handles")  # noqa: E731
    until("second tab", lambda: len(windows()) == 2)
    second = next(window for window in windows() if window != first)
    browser.call("POST", "/window", {"handle": second})
    browser.type("input[name=username]", username)
    browser.type("input[name=password]", password)
    browser.click("[type=submit], [name=login]")
    browser.find("[name=accept]")
    browser.picture("notebook-login-2-approving")
    browser.click("[name=accept]")
    until("end of the login", lambda: "/device/status" in browser.call("GET", "/url"))

    browser.call("POST", "/window", {"handle": first})
    browser.shows(f"Logged in as {email}.")
    browser.shows("[\"jane's\"]")
    browser.shows("EXPIRES IN")
    text = browser.text()
    assert "Waiting for you" not in text, text
    assert "user_code=" not in text, "the link is of no use any more"
    assert not browser.run("return document.querySelector('.jp-OutputArea-output svg[role=img]')")
    browser.picture("notebook-login-3-logged-in")


IS_IDLE = """
    const panel = jupyterapp.shell.currentWidget;
    const session = panel && panel.sessionContext && panel.sessionContext.session;
    return !!(session && session.kernel && session.kernel.status === 'idle');
"""

work = pathlib.Path.home() / "notebooks"
work.mkdir()
notebook(work / "platform.ipynb")
said = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "stdin": subprocess.DEVNULL}
settings = [
    "--allow-root",
    "--no-browser",
    "--ip=127.0.0.1",
    "--port=0",
    "--IdentityProvider.token=open-for-this-test",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]
jupyter = subprocess.Popen([sys.executable, "-m", "bearerd", "run", "-m", "jupyterlab", *settings], cwd=work, **said)
driver = subprocess.Popen(
    ["chromedriver", "--port=0"], env={**os.environ, "HOME": os.environ["BROWSER_HOME"]}, **said
)
browser = None
try:
    port = line_with(driver, "started successfully on port").split()[-1].rstrip(".")
    line = line_with(jupyter, "http://127.0.0.1:")
    base = line[line.index("http://127.0.0.1:") :].split("/lab")[0]
    # Nobody reads on: their pipes would fill up.
    for process in (driver, jupyter):
        subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
    browser = Browser(f"http://127.0.0.1:{port}/session", f"{os.environ['BROWSER_HOME']}/profile")
    try:
        log_in(browser, f"{base}/lab/tree/platform.ipynb?token=open-for-this-test")
    except BaseException:
        browser.picture("failed")
        raise
    print("TOLD done", flush=True)
finally:
    if browser is not None:
        browser.call("DELETE", "")
    for process in (driver, jupyter):
        process.terminate()
        process.wait()

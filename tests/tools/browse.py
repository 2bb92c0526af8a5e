#!/usr/bin/env python3
"""Opens a page in headless Chromium, with the network off, and says what happened.

    browse.py PAGE.html OUT_FOLDER WIDTH [WIDTH …]

Prints one JSON object: `requests`, every address that the page asked for but itself; `complaints`,
what came to the console, was thrown, or was reported by the browser; `wide`, the widths at which the
page is wider than its window; `title`. Writes pictures to OUT_FOLDER: WIDTH.png, WIDTH-dark.png, and
printed.pdf. Exits with 77 where there is no Chromium.

It speaks the DevTools protocol over a pipe (file descriptors 3 and 4, messages end in a zero byte), so
that it needs nothing but Python.
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

NO_CHROMIUM = 77
FLAGS = [
    "--headless",
    "--no-sandbox",  # a container's root user has no other way
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    # Nothing answers there, so that even what the page's own policy let through would fail.
    "--proxy-server=127.0.0.1:9",
    "--remote-debugging-pipe",
]


class Browser:
    """One Chromium with one page."""

    def __init__(self, program, profile):
        commands, self.write = os.pipe()
        self.read, answers = os.pipe()

        def wire():
            # Above 4 first: a descriptor that is put in its place must not be in the other's.
            ours, theirs = os.dup(commands), os.dup(answers)
            ours, theirs = (fd if fd > 4 else os.dup(fd) for fd in (ours, theirs))
            os.dup2(ours, 3)
            os.dup2(theirs, 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=wire,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self.rest = b""
        self.number = 0
        self.session = None
        self.events = []

    def message(self):
        while b"\0" not in self.rest:
            part = os.read(self.read, 1 << 20)
            if not part:
                sys.exit("Chromium has ended")
            self.rest += part
        whole, self.rest = self.rest.split(b"\0", 1)
        return json.loads(whole)

    def ask(self, method, **parameters):
        self.number += 1
        command = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.write, json.dumps(command).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait_for(self, method):
        while True:
            for event in self.events:
                if event.get("method") == method:
                    return
            self.events.append(self.message())

    def end(self):
        self.process.kill()
        self.process.wait()


def complaint(event):
    """What an event complains of, if it does."""
    parameters = event.get("params", {})
    match event.get("method"):
        case "Runtime.consoleAPICalled":
            return f"console: {parameters['args']}"
        case "Runtime.exceptionThrown":
            return f"thrown: {parameters['exceptionDetails']}"
        case "Log.entryAdded":
            return f"log: {parameters['entry']['text']}"
        case "Audits.issueAdded":
            return f"issue: {parameters['issue']}"


def main():
    page, out, *widths = sys.argv[1:]
    page, out = pathlib.Path(page).resolve(), pathlib.Path(out)
    program = os.environ.get("MTOK_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        sys.exit(NO_CHROMIUM)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            print(json.dumps(look(browser, page.as_uri(), out, [int(width) for width in widths])))
        finally:
            browser.end()


def look(browser, address, out, widths):
    target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
    browser.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ["Page", "Runtime", "Log", "Network", "Audits"]:
        browser.ask(f"{domain}.enable")
    offline = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.ask("Network.emulateNetworkConditions", **offline)
    browser.events.clear()
    browser.ask("Page.navigate", url=address)
    browser.wait_for("Page.loadEventFired")
    value = lambda code: browser.ask("Runtime.evaluate", expression=code)["result"].get("value")
    wide = []
    # Everything that can be opened is: what is hidden in it could ask for something too.
    value("document.querySelectorAll('details').forEach(details => details.open = true)")
    for width in widths:
        browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        if value("document.documentElement.scrollWidth") > width:
            wide.append(width)
    value("document.querySelectorAll('details').forEach(details => details.open = false)")
    for width in widths:
        browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        for scheme in ["light", "dark"]:
            feature = {"name": "prefers-color-scheme", "value": scheme}
            browser.ask("Emulation.setEmulatedMedia", features=[feature])
            picture = browser.ask("Page.captureScreenshot", captureBeyondViewport=True, format="png")
            name = f"{width}.png" if scheme == "light" else f"{width}-dark.png"
            (out / name).write_bytes(base64.b64decode(picture["data"]))
    browser.ask("Emulation.setEmulatedMedia", features=[])
    printed = browser.ask("Page.printToPDF", printBackground=True)
    (out / "printed.pdf").write_bytes(base64.b64decode(printed["data"]))
    title = value("document.title")
    sent = (event["params"]["request"]["url"] for event in browser.events if event.get("method") == "Network.requestWillBeSent")
    return {
        "title": title,
        "plots": value("document.querySelectorAll('svg.plot').length"),
        "requests": [url for url in sent if url != address and not url.startswith("data:")],
        "complaints": [words for words in map(complaint, browser.events) if words],
        "wide": wide,
    }


main()

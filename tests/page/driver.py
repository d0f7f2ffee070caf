"""A browser, driven over WebDriver with nothing but Python's own library."""

import base64
import json
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
# Keys as WebDriver names them.
KEYS = {"Left": "\ue012", "Right": "\ue014", "Home": "\ue011", "End": "\ue010", "Enter": "\ue007", "Tab": "\ue004"}


class Browser:
    """A headless Chromium with a profile of its own."""

    def __init__(self, chromedriver, chromium, profile):
        self.process = subprocess.Popen(
            [chromedriver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        port = None
        for line in self.process.stdout:
            if "started successfully on port" in line:
                port = int(line.rstrip().rstrip(".").rsplit(" ", 1)[1])
                break
        if port is None:
            raise RuntimeError("chromedriver does not start")
        self.base = f"http://127.0.0.1:{port}"
        options = {
            "binary": chromium,
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"],
        }
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{session['sessionId']}"
        self.size(1280, 900)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.base + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode(errors="replace")[:1000]) from None

    def ask(self, method, path, body=None):
        return self.call(method, self.session + path, body)

    def open(self, url):
        # Another fragment of the same document alone would load nothing.
        self.ask("POST", "/url", {"url": "about:blank"})
        self.ask("POST", "/url", {"url": url})

    def size(self, width, height):
        self.ask("POST", "/window/rect", {"width": width, "height": height})

    def js(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script, *arguments, seconds=10):
        """Waits until a script answers with something."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = self.js(script, *arguments)
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"in vain: {script}")

    def find(self, selector, text=None):
        """The only element of this selector, or the only one that has this text."""
        script = """
            return [...document.querySelectorAll(arguments[0])].filter(it =>
                arguments[1] === null || it.textContent.includes(arguments[1]))"""
        found = self.js(script, selector, text)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} elements are {selector} with {text!r}")
        return found[0][ELEMENT]

    def click(self, selector, text=None):
        self.ask("POST", f"/element/{self.find(selector, text)}/click", {})

    def type(self, selector, text):
        element = self.find(selector)
        self.ask("POST", f"/element/{element}/clear", {})
        self.ask("POST", f"/element/{element}/value", {"text": text})

    def press(self, key):
        key = KEYS.get(key, key)
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def text(self, selector):
        return self.js("return [...document.querySelectorAll(arguments[0])].map(it => it.textContent)", selector)

    def devtools(self, command, **arguments):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": arguments})

    def picture(self, file):
        with open(file, "wb") as out:
            out.write(base64.b64decode(self.ask("GET", "/screenshot")))

    def complaints(self):
        """What the console has said since it was last asked."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})]

    def end(self):
        try:
            self.ask("DELETE", "")
        finally:
            self.process.terminate()
            self.process.wait()

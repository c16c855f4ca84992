"""Chromium without a window, played by a test over the DevTools protocol, which it speaks on two pipes.

Source: https://chromedevtools.github.io/devtools-protocol/.
"""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.real.gateways import program
from tests.waiting import DEADLINE_SECONDS, eventually

_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions", "--mute-audio"),
    *("--hide-scrollbars", "--remote-debugging-pipe"),
)
# Keys that are no letters: what pressing them types, and their code.
_KEYS = {"Enter": ("\r", 13), "Tab": ("", 9), "Escape": ("", 27), " ": (" ", 32)}


class Browser:
    """One page of a browser of its own. `said` is what its console said, and each exception."""

    def __init__(self, folder: Path, zone: str = "UTC") -> None:
        self.said: list[str] = []
        self._number = 0
        self._folder = folder
        self._unread = b""
        asked, told = os.pipe(), os.pipe()
        # The descriptors 3 and 4 of the protocol. Not `sh`: it knows descriptors of one digit only.
        shell = ["bash", "-c", f'exec "$@" 3<&{asked[0]} 4>&{told[1]}', "bash"]
        command = [*shell, program("chromium"), *_OPTIONS, f"--user-data-dir={folder / 'chromium'}", "about:blank"]
        self._child = subprocess.Popen(
            command,
            pass_fds=(asked[0], told[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"TZ": zone},
        )
        os.close(asked[0])
        os.close(told[1])
        self._in, self._out = os.fdopen(asked[1], "wb", 0), os.fdopen(told[0], "rb", 0)
        self._session = ""
        target = eventually(self._page, "it has a page")
        self._session = self._do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._do(f"{domain}.enable")

    def close(self) -> None:
        """End it."""
        try:
            self._session = ""
            self._do("Browser.close")
            self._child.wait(DEADLINE_SECONDS)
        finally:
            self._child.kill()
            self._child.wait(DEADLINE_SECONDS)
            self._in.close()
            self._out.close()

    def open(self, url: str, width: int = 1600, height: int = 1000, dark: bool = False) -> None:
        """Go to a page."""
        self.resize(width, height)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._do("Emulation.setEmulatedMedia", features=features)
        self._do("Page.navigate", url=url)
        eventually(lambda: self.run("document.readyState") == "complete" and self.run("location.href") != "about:blank")

    def resize(self, width: int, height: int) -> None:
        """Change the size of the window, in CSS pixels."""
        self._do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self._do("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def texts(self, selector: str) -> list[str]:
        """What elements show, each in one line."""
        found = self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(it => it.innerText)")
        return [" ".join(text.split()) for text in found]

    def text(self, selector: str) -> str:
        """What the first element shows."""
        return self.texts(selector)[0]

    def click(self, selector: str) -> None:
        """Click into the middle of an element with the mouse."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.run(f"{element}.scrollIntoView({{block: 'center'}})")
        place = self.run(f"(box => [box.x + box.width / 2, box.y + box.height / 2])({element}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self._do("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        for letter in text:
            for kind in ("keyDown", "keyUp"):
                self._do("Input.dispatchKeyEvent", type=kind, key=letter, text=letter if kind == "keyDown" else "")

    def press(self, key: str, shift: bool = False) -> None:
        """Press a key that is no letter."""
        text, code = _KEYS[key]
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            how = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code}
            self._do("Input.dispatchKeyEvent", type=kind, modifiers=8 if shift else 0, **how, **more)

    def choose(self, selector: str, value: str) -> None:
        """Choose an entry of a list."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.run(
            f"{element}.value = {json.dumps(value)}; {element}.dispatchEvent(new Event('change', {{bubbles: true}}))"
        )

    def downloads(self, folder: Path) -> None:
        """Keep what is downloaded in a folder."""
        self._do("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def picture(self, path: Path) -> None:
        """Keep what is seen as a PNG."""
        path.write_bytes(base64.b64decode(self._do("Page.captureScreenshot", format="png")["data"]))

    def _page(self) -> str | None:
        targets = self._do("Target.getTargets")["targetInfos"]
        return next((target["targetId"] for target in targets if target["type"] == "page"), None)

    def _do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command, and wait for its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._in.write(json.dumps(message).encode() + b"\0")
        while True:
            found = self._message()
            if found.get("id") == self._number:
                assert "error" not in found, (method, found["error"])
                result: dict[str, Any] = found["result"]
                return result
            self._hear(found)

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            read = self._out.read(1 << 16)
            assert read, f"the browser has ended: {self._child.poll()}"
            self._unread += read
        whole, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(whole)
        return message

    def _hear(self, event: dict[str, Any]) -> None:
        about = event.get("params", {})
        match event.get("method"):
            case "Log.entryAdded":
                self.said.append(about["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self.said.append(" ".join(str(argument.get("value")) for argument in about["args"]))
            case "Runtime.exceptionThrown":
                self.said.append(json.dumps(about["exceptionDetails"]))

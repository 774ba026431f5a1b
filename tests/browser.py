"""A real Chromium without a window, told what to do through a pipe (Chrome DevTools Protocol)."""

import base64
import json
import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.picture import Picture
from tests.testbed import Peer, peer

DEADLINE_S = 60.0
"""A browser that has said nothing by then fails the test that waits for it."""

FLAGS = (
    "--headless",
    "--hide-scrollbars",  # they are not of the page
    "--no-sandbox",  # root may not have one, and in a container nobody can
    "--disable-gpu",
    "--disable-dev-shm-usage",  # it may be too small
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-pipe",
)

PIPED = 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null'
"""Chromium is told on descriptor 3 and answers on 4, each message ended by a NUL."""

FONTS = """\
<?xml version="1.0"?>
<fontconfig>
<dir>{root}/usr/share/fonts</dir>
<cachedir>{folder}/fonts</cachedir>
<alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
</fontconfig>
"""


class Browser:
    """One tab; `asked` has the address of everything it asked for since it was opened."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin
        assert process.stdout
        self._in, self._out = process.stdin.fileno(), process.stdout.fileno()
        self._received = b""
        self._events: list[dict[str, Any]] = []
        self._session: dict[str, str] = {}
        self._calls = 0
        self.asked: list[str] = []
        target = self._tell("Target.createTarget", url="about:blank")["targetId"]
        attached = self._tell("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        self._tell("Page.enable")
        self._tell("Network.enable")

    def show(self, *, width: int, language: str = "en", dark: bool = False) -> None:
        """Give the window a width in CSS pixels, the reader a language, the room its light."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self._tell("Emulation.setDeviceMetricsOverride", **size)
        self._tell("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._tell("Emulation.setEmulatedMedia", media="", features=[scheme])

    def block(self, *patterns: str) -> None:
        """Let what fits one of `patterns` (`*` is anything) fail to arrive, until told anew."""
        self._tell("Network.setBlockedURLs", urls=list(patterns))

    def open(self, address: str) -> None:
        """Go to an address and wait until all of it is there."""
        failure = self._tell("Page.navigate", url=address).get("errorText")
        assert not failure, f"{address}: {failure}"
        self._wait_loaded()

    def click(self, selector: str) -> None:
        """Click what leads to another page, and wait until that one is there."""
        self.value(f"document.querySelector({json.dumps(selector)}).click()")
        self._wait_loaded()

    def value(self, script: str) -> Any:
        """What a JavaScript expression comes to in the page, as far as JSON knows it."""
        answer = self._tell("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def text(self, selector: str = "body") -> str:
        """What a reader sees of an element, as text."""
        return str(self.value(f"document.querySelector({json.dumps(selector)}).innerText"))

    def style(self, selector: str, name: str) -> str:
        """The value of a CSS property that is in force."""
        element = f"document.querySelector({json.dumps(selector)})"
        return str(self.value(f"getComputedStyle({element}).getPropertyValue({json.dumps(name)})"))

    def picture(self, selector: str = "html") -> Picture:
        """An element as it is painted, in sight or not; a pixel is a CSS pixel."""
        element = f"document.querySelector({json.dumps(selector)})"
        box = self.value(f"{element}.getBoundingClientRect().toJSON()")
        clip = {it: round(box[it]) for it in ("x", "y", "width", "height")} | {"scale": 1}
        shot = self._tell("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return Picture(base64.b64decode(shot["data"]))

    def print_as_on_paper(self) -> None:
        """Lay the page out by its rules for print, until `show` is called again."""
        self._tell("Emulation.setEmulatedMedia", media="print")

    def pdf(self) -> bytes:
        """The page printed, on the paper that it asks for."""
        options = {"preferCSSPageSize": True, "printBackground": True}
        return base64.b64decode(self._tell("Page.printToPDF", **options)["data"])

    def close(self) -> None:
        """End it."""
        self._session = {}
        self._tell("Browser.close")

    def _tell(self, method: str, **params: Any) -> dict[str, Any]:
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": params, **self._session}
        os.write(self._in, json.dumps(message).encode() + b"\0")
        while (answer := self._hear()).get("id") != self._calls:
            self._events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def _wait_loaded(self) -> None:
        while not any(it["method"] == "Page.loadEventFired" for it in self._events):
            self._events.append(self._hear())
        requests = (it for it in self._events if it["method"] == "Network.requestWillBeSent")
        self.asked += [it["params"]["request"]["url"] for it in requests]
        self._events.clear()

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self._received:
            readable, _, _ = select.select([self._out], [], [], DEADLINE_S)
            assert readable, f"chromium said nothing for {DEADLINE_S:g} s"
            more = os.read(self._out, 1 << 20)
            assert more, "chromium has ended"
            self._received += more
        message, _, self._received = self._received.partition(b"\0")
        heard: dict[str, Any] = json.loads(message)
        return heard


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Run a browser that keeps its profile and what it says in `folder`.

    Raises:
        UnavailableError: there is no Chromium here; the text says why.
    """
    chromium = peer("chromium")
    root = next(it for it in chromium.binary.parents if (it / "usr/share/fonts").is_dir())
    (folder / "fonts.conf").write_text(FONTS.format(root=root, folder=folder))
    own = {"FONTCONFIG_FILE": str(folder / "fonts.conf"), "HOME": str(folder)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    flags = (*FLAGS, f"--user-data-dir={folder / 'profile'}")
    with (folder / "stderr").open("w") as stderr:
        shell = Peer(Path("/bin/sh"), chromium.env)
        options = {**pipes, "stderr": stderr, "env": own}
        with shell.popen("-c", PIPED, chromium.binary, *flags, **options) as process:
            try:
                browser = Browser(process)
                yield browser
                browser.close()
                process.wait(DEADLINE_S)  # until then it writes into its profile
            finally:
                process.kill()

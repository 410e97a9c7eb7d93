"""supervisord as a child: it starts again what dies, and says what it has given up on."""

import contextlib
import ctypes
import http.client
import signal
import subprocess
import sys
import xmlrpc.client
from pathlib import Path
from typing import Any, Final

from supervisor.xmlrpc import SupervisorTransport

from deploy.refusal import CannotRun, last_line

_PR_SET_PDEATHSIG: Final = 1


class Supervisor:
    """supervisord as a child that goes when we go."""

    def __init__(self, config: Path, control: Path) -> None:
        """Start it; its own words go to its log."""
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)]
        # A session of its own: Ctrl-C reaches only us, and we stop the programs in order.
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread of ours runs yet
        )
        self._control = control

    @property
    def _rpc(self) -> Any:
        # A connection each time: one that failed while supervisord was starting cannot be used again.
        transport = SupervisorTransport(None, None, f"unix://{self._control}")
        return xmlrpc.client.ServerProxy("http://local", transport).supervisor

    def states(self) -> dict[str, str]:
        """Program → STARTING, RUNNING, BACKOFF, FATAL …; empty while supervisord itself starts."""
        if self._process.poll() is not None:
            assert self._process.stderr is not None
            raise CannotRun(f"The supervisor stopped: {last_line(self._process.stderr.read().decode())}")
        try:
            return {each["name"]: each["statename"] for each in self._rpc.getAllProcessInfo()}
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return {}

    def start_again(self, name: str) -> None:
        """Try a program once more that supervisord gave up on."""
        # It may have been started, or supervisord stopped, since we looked; the next look tells.
        with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
            self._rpc.startProcess(name, False)

    def stop(self) -> None:
        """Stop every program and supervisord; returns when they are gone."""
        self._process.terminate()
        self._process.wait()


def _die_with_parent() -> None:
    # Linux only: elsewhere a killed launcher leaves its children, and the next start says which port they hold.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

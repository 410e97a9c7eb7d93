"""One plugin calls another over the host's own HTTP, and hears of its steps and its end by webhooks."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import plugin_host, ports
from tests.support.plugin_host import START_SECONDS, until
from tests.support.program import Program

pytestmark = [pytest.mark.slow, pytest.mark.rotating]
PLUGINS = Path(plugin_host.__file__).parent / "calling_plugins"


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[str]:
    """A host that serves, with a worker."""
    port = ports.free_port()
    environment = {
        "DAYDREAM_DATA_DIR": str(tmp_path),
        "PLUGINS_BIND": f"127.0.0.1:{port}",
        "PLUGINS_WORKER_PROCESSES": "1",
        "PLUGIN_FOLDERS": str(PLUGINS),
        "PLUGIN_PROBE_SECONDS": "0",
    }
    migration = Program("migrate", ("services.plugins", "migrate"), environment, tmp_path)
    serving = Program("plugins", ("services.plugins",), environment, tmp_path)
    working = Program("worker", ("services.plugins", "worker"), environment, tmp_path)
    migration.start()
    until(lambda: None if migration.runs else True, seconds=START_SECONDS)
    serving.start()
    working.start()
    try:
        until(lambda: "startup complete" in serving.log or not serving.runs or None, seconds=START_SECONDS)
        until(lambda: " ready." in working.log or not working.runs or None, seconds=START_SECONDS)
        assert serving.runs, serving.log
        assert working.runs, working.log
        yield f"http://127.0.0.1:{port}"
    finally:
        working.kill()
        serving.kill()


def test_a_plugin_takes_over_the_steps_and_outputs_of_one_that_it_calls(origin: str) -> None:
    with httpx.Client(base_url=origin, timeout=60) as client:
        helper = f"{origin}/plugins/called@v1-0-0/"
        begun = client.post("/plugins/caller@v1-0-0/process/", data={"helper": helper})
        address = begun.headers["Location"]

        step = until(lambda: (client.get(address).json().get("steps") or [None])[-1])
        answered = client.post(step["href"])
        # The called one is not over before the other has seen that it has its input.
        until(lambda: client.get(address).json()["steps"][-1]["cleared"] or None)
        client.post(step["href"].replace("/step/", "/finish/"))
        task = until(lambda: told if (told := client.get(address).json())["status"] != "PENDING" else None)

        assert (begun.status_code, answered.status_code) == (303, 303)
        assert step["stepId"] == "helper.go-on"
        assert step["href"].startswith(helper)
        assert (task["status"], task["log"], task["steps"][0]["cleared"]) == ("SUCCESS", "taken over", True)
        (output,) = task["outputs"]
        assert client.get(output["href"]).json() == [{"ID": "1"}]
        assert output["href"].startswith(f"{origin}/files/")

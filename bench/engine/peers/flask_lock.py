"""Flask with a lock: `python -m bench.engine.peers.flask_lock PORT`.

What a tutorial does first: the model in the web process, threads before it, and a lock so that one draws at a time.
Flask's documentation names waitress among the servers to deploy with; its threads are as many as may wait here.
"""

# Checked where the peer's packages are not: its decorators and classes have no types there.
# mypy: disable-error-code="import-untyped"

import sys
import threading

import waitress
from flask import Flask, Response, request

from bench.engine.loads import Job
from bench.engine.peers.painter import Painter

WAITING = 256


def create_app() -> Flask:
    """The site: one route."""
    app = Flask(__name__)
    painter, lock = Painter(), threading.Lock()

    @app.post("/")
    def draw() -> Response:
        job = Job(**request.get_json())
        with lock:
            (picture,) = painter.draw([job])
        return Response(picture, mimetype="image/png")

    return app


if __name__ == "__main__":
    waitress.serve(create_app(), host="127.0.0.1", port=int(sys.argv[1]), threads=WAITING)

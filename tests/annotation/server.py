"""A chat-completions server on this machine that does what a test tells it."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from curate.annotation.form import LETTERS

GOOD = "\n".join(["J", *"5432154321543", "3"])


def answer(domain="J", scores=(3,) * 14):
    """Fifteen lines."""
    return "\n".join([domain, *map(str, scores)])


def completion(content, **more):
    """The body of a reply."""
    usage = {"prompt_tokens": 100, "completion_tokens": 29}
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}], "usage": usage, **more})


def rated_by_length(request):
    """An answer that depends on the text alone."""
    size = len(request["messages"][-1]["content"])
    return completion(answer(LETTERS[size % 15], [1 + (size + k) % 5 for k in range(14)]))


class Server:
    """What it was asked, and how to reach it."""

    def __init__(self, reply):
        self.requests, self.headers, self.times = [], [], []
        self.active = self.most = 0
        """Requests under way, and the most there were at a time; nearly exact, as they are not locked."""
        self._lock = threading.Lock()
        self._reply = reply
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer._lock:
                    outer.requests.append(body)
                    outer.headers.append(dict(self.headers))
                    outer.times.append(time.monotonic())
                    number = len(outer.requests) - 1
                    found = outer._reply(number, body) if callable(outer._reply) else outer._reply[number]
                status, text, headers = (200, found, {}) if isinstance(found, str) else (*found, {})[:3]
                outer.active += 1
                outer.most = max(outer.most, outer.active)
                time.sleep(float(headers.pop("Hang", 0)))
                outer.active -= 1
                data = text.encode()
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:  # the client has gone
                    self.close_connection = True

        class Many(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True
            block_on_close = False

        self._server = Many(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(reply):
    """A server; `reply`: a list of replies in order, or a function of the request's number and body.

    A reply is the body for status 200, or (status, body), or (status, body, headers); a header Hang: seconds it takes.
    """
    server = Server(reply)
    try:
        yield server
    finally:
        server.close()

"""A Huawei Cloud of its own: IAM and ShowStatistics over real TLS, reached by their true host names through a proxy.

It judges what arrives on the wire, by the documented rules and an HMAC of its own, and knows nothing of the script.
It holds usage events, one a call, each at an instant, and sums those in the window that it is asked for.
"""

from __future__ import annotations

import calendar
import contextlib
import hashlib
import hmac
import json
import re
import socket
import ssl
import threading
import time
import warnings
from collections import deque
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Deque, Iterable, NamedTuple, Optional
from urllib.parse import parse_qsl, quote, unquote

with warnings.catch_warnings():  # cryptography's farewell to Python 3.8
    warnings.simplefilter("ignore")
    import trustme

AK, SK = "EXAMPLEAK0000000000", "EXAMPLESK00000000000000000000000000000000"
TOKEN = "EXAMPLETOKEN" + "+/=00" * 20
PROJECT_ID = "0123456789abcdef0123456789abcdef"
REGIONS = ("cn-southwest-2", "ap-southeast-1", "cn-north-4")
HOSTS = tuple(f"{service}.{region}.myhuaweicloud.com" for service in ("iam", "modelarts") for region in REGIONS)
DAY_MS = 86_400_000
KEPT_MS = 30 * DAY_MS
FIELDS = {"service_type", "start_time", "end_time", "timezone", "infer_type", "api_keys", "ips"}
EMPTY = hashlib.sha256(b"").hexdigest()


class Event(NamedTuple):
    """A call of a model at an instant, in milliseconds since 1970 UTC, with the tokens that it cost."""

    at: int
    total: int = 0
    prompt: int = 0
    completion: int = 0
    failed: bool = False
    service_type: int = 2
    infer_type: str = "real_time"
    api_key: str = "key-a"
    ip: str = "192.0.2.1"
    tasks: int = 0
    inferences: int = 0


class Seen(NamedTuple):
    """A request as it arrived."""

    host: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any


class Refusal(Exception):
    """A request that the cloud does not take."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class Response(NamedTuple):
    """An answer: to be sent as it is, or None for a connection that is to be closed."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = {}


class Request(NamedTuple):
    """A request: where it came from, and what it says."""

    connection: socket.socket
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


Fault = Callable[[Request], Optional[Response]]


def drop(request: Request) -> None:
    """Close the connection without an answer."""
    with contextlib.suppress(OSError):
        request.connection.shutdown(socket.SHUT_RDWR)


def cut(request: Request) -> None:
    """Promise more than what is sent."""
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n"
    request.connection.sendall((head + '{"total_token": 7').encode())
    drop(request)


def answer(status: int, body: str | bytes = "", **headers: str) -> Fault:
    """Return what answers any request like that."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Response(body.encode() if isinstance(body, str) else body, status, named)


def canonical_query(query: str) -> str:
    """Encode and sort a query as the signature's rule wants it."""
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)


def signature_of(sk: str, method: str, path: str, query: str, headers: dict[str, str], names: list[str], body: bytes) -> str:
    """Sign by the published rule of SDK-HMAC-SHA256; headers by lower-case names."""
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in names)
    uri = "/".join(quote(unquote(part), safe="~") for part in path.split("/"))
    digest = hashlib.sha256(body).hexdigest() if body else EMPTY
    request = "\n".join((method, uri if uri.endswith("/") else uri + "/", canonical_query(query), lines, ";".join(names), digest))
    hashed = hashlib.sha256(request.encode()).hexdigest()
    text = f"SDK-HMAC-SHA256\n{headers.get('x-sdk-date', '')}\n{hashed}"
    return hmac.new(sk.encode(), text.encode(), hashlib.sha256).hexdigest()


def thousands(tokens: int) -> Decimal:
    """Return tokens as the service gives them."""
    return Decimal(tokens).scaleb(-3) if tokens < 10**25 else Decimal(tokens)


class FakeCloud:
    """The cloud; use it as a context. What it is to hold, allow and spoil can be set at any time."""

    def __init__(self, folder: Path) -> None:
        self.reset()
        self._lock = threading.Lock()
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*HOSTS).configure_cert(context)
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            """Reads a request, and keeps the connection for the next."""

            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path, _, query = self.path.partition("?")
                headers = {name.lower(): value for name, value in self.headers.items()}
                response = cloud.answer(Request(self.connection, self.command, path, query, headers, body))
                if response is None:
                    self.close_connection = True
                    return
                head = {"Content-Type": "application/json", **response.headers, "Content-Length": str(len(response.body))}
                self.send_response(response.status)
                for name, value in head.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(response.body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            """Shakes hands in the connection's own thread, and is used to clients that hang up."""

            daemon_threads = True
            request_queue_size = 64

            def get_request(self) -> tuple[socket.socket, Any]:
                client, address = super().get_request()
                return context.wrap_socket(client, server_side=True, do_handshake_on_connect=False), address

            def handle_error(self, *_: object) -> None:
                """Say nothing."""

        # werkzeug's server, and so pytest-httpserver, closes each connection after one answer
        self._server = Server(("127.0.0.1", 0), Handler)
        self._relay = socket.create_server(("127.0.0.1", 0), backlog=64)

    def reset(self) -> None:
        """Forget all that was asked and set, and hold no usage."""
        self.events: list[Event] = []
        self.keys: dict[str, tuple[str, str]] = {AK: (SK, "")}  # AK to SK and token
        self.projects = [{"id": PROJECT_ID, "name": region, "enabled": True} for region in REGIONS]
        self.may_list_projects = self.may_list_own_projects = self.may_read_statistics = True
        self.faults: dict[str, Deque[Fault]] = {"iam": deque(), "modelarts": deque()}  # for the next requests
        self.always: dict[str, Fault] = {}  # for all requests of a service
        self.spoil: Callable[[dict[str, Any]], Fault | None] = lambda body: None  # by what is asked
        self.delay = 0.0  # seconds that each statistics answer takes
        self.seen: list[Seen] = []
        self.hosts: list[str] = []  # of each connection
        self.failed_signatures = 0
        self.busy = self.busiest = 0

    def __enter__(self) -> FakeCloud:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._relay.close()
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a program reaches this cloud."""
        return {"HTTPS_PROXY": f"http://127.0.0.1:{self._relay.getsockname()[1]}", "REQUESTS_CA_BUNDLE": str(self.ca_file)}

    @property
    def statistics(self) -> list[Any]:
        """The bodies of the statistics that were asked for, in order."""
        return [seen.body for seen in self.seen if seen.host.startswith("modelarts")]

    # --- the relay

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._tunnel, args=(self._relay.accept()[0],), daemon=True).start()

    def _tunnel(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += client.recv(1) or b"\r\n\r\n"
            target = request.split()[1].decode() if request.startswith(b"CONNECT ") else "no CONNECT"
            self.hosts.append(target)
            if target.rpartition(":")[0] not in HOSTS:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self._server.server_port)) as server:
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                back.start()
                self._pump(client, server)
                back.join()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                piece = source.recv(65536)
                if hasattr(socket, "TCP_QUICKACK"):  # else Linux waits 40 ms before urllib3's second packet may come
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                if not piece:
                    break
                sink.sendall(piece)
        for end in (source, sink):  # either side may hang up first
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    # --- the service

    def answer(self, request: Request) -> Response | None:
        """Return the answer to a request, which may be a fault that was ordered."""
        host = request.headers.get("host", "")
        service = host.partition(".")[0]
        with self._lock:
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
            fault = self.faults[service].popleft() if self.faults.get(service) else self.always.get(service)
        try:
            body: Any = json.loads(request.body) if request.body else None
            self.seen.append(Seen(host, request.method, request.path, request.query, request.headers, body))
            if service == "modelarts":
                time.sleep(self.delay)
                fault = fault or self.spoil(body)
            return fault(request) if fault else self._served(service, request, body)
        except Refusal as refusal:
            return Response(json.dumps(refusal.body).encode(), refusal.status, {"X-Request-Id": "req-0001"})
        finally:
            with self._lock:
                self.busy -= 1

    def _served(self, service: str, request: Request, body: Any) -> Response:
        self._check_signature(request.method, request.path, request.query, request.headers, request.body)
        if (service, request.method) == ("iam", "GET"):
            return Response(json.dumps({"links": {}, "projects": self._listed(request.path, request.query)}).encode())
        path = f"/v1/{PROJECT_ID}/maas/monitoring/show-statistics"
        if (service, request.method, request.path, request.query) != ("modelarts", "POST", path, ""):
            raise Refusal(404, {"error_code": "APIGW.0101", "error_msg": "The API does not exist", "request_id": "req-0001"})
        if request.headers.get("x-project-id") != PROJECT_ID or "x-project-id" not in request.headers["authorization"]:
            raise Refusal(400, {"error_code": "TEST.0001", "error_msg": "X-Project-Id is missing or not signed"})
        if not self.may_read_statistics:
            raise Refusal(403, {"error_code": "ModelArts.0403", "error_msg": "no permission"})
        return Response(self._sums(body).encode())

    def _check_signature(self, method: str, path: str, query: str, headers: dict[str, str], raw: bytes) -> None:
        form = r"SDK-HMAC-SHA256 Access=([^,]+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
        parts = re.fullmatch(form, headers.get("authorization", ""))
        if not parts:
            raise self._unauthorized("no signature")
        ak, names, signature = parts[1], parts[2].split(";"), parts[3]
        if self.failed_signatures > 5:
            raise self._unauthorized("AK access failed to reach the limit,forbidden")
        if ak not in self.keys:
            raise self._unauthorized(f"Get secretKey failed,ak:{ak},err:ak not exist")
        signed = calendar.timegm(time.strptime(headers.get("x-sdk-date", ""), "%Y%m%dT%H%M%SZ"))
        if abs(time.time() - signed) > 900:
            now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            raise self._unauthorized(f"signature expired, signature time:{headers['x-sdk-date']},server time:{now}")
        sk, token = self.keys[ak]
        needed = {"content-type", "host", "x-sdk-date", *(["x-security-token"] if token else [])}
        right = (
            hmac.compare_digest(signature, signature_of(sk, method, path, query, headers, names, raw))
            and query == canonical_query(query)
            and needed <= set(names)
            and names == sorted(names)
            and headers.get("x-security-token", "") == token
        )
        if not right:
            lines = "|".join(f"{name}:{headers.get(name)}" for name in names)
            raise self._unauthorized(f"verify aksk signature fail, canonicalRequest:{method}|{path}/|{query}|{lines}")
        self.failed_signatures = 0

    def _unauthorized(self, text: str) -> Refusal:
        self.failed_signatures += 1
        text = f"Incorrect IAM authentication information: {text}"
        return Refusal(401, {"error_code": "APIGW.0301", "error_msg": text, "request_id": "req-0001"})

    def _listed(self, path: str, query: str) -> list[dict[str, Any]]:
        if path == "/v3/projects" and self.may_list_projects:
            name = dict(parse_qsl(query)).get("name")
            return [project for project in self.projects if name in (None, project["name"])]
        if path == "/v3/auth/projects" and self.may_list_own_projects:
            return self.projects
        raise Refusal(403, {"error": {"code": 403, "message": "You are not authorized", "title": "Forbidden"}})

    def _sums(self, body: dict[str, Any]) -> str:
        start, end = body.get("start_time", 0), body.get("end_time", 0)
        zone, lists = body.get("timezone", "Asia/Shanghai"), [body.get(name, [""]) for name in ("api_keys", "ips")]
        wrong = (
            (set(body) - FIELDS, "unknown field"),
            (body.get("service_type") not in (1, 2, 4), "service_type must be one of [1 2 4]"),
            (body.get("infer_type") not in ("real_time", "batch"), "infer_type must be one of [real_time batch]"),
            (type(start) is not int or type(end) is not int, "start_time and end_time are required"),
            (not (isinstance(zone, str) and re.fullmatch("[A-Z][A-Za-z0-9_+/-]+", zone)), "timezone is invalid"),
            (any(not isinstance(texts, list) or not texts for texts in lists), "api_keys and ips are lists"),
        )
        for broken, text in wrong:
            if broken:
                raise Refusal(400, {"error_code": "MaaS.0001", "error_msg": text})
        if not 0 < start <= end or end - start > KEPT_MS:
            raise Refusal(400, {"error_code": "MaaS.0002", "error_msg": "the time range must be within 30 days"})
        found = self.matching(body, oldest=int(time.time() * 1000) - KEPT_MS)
        figures = {
            "total_request_count": len(found),
            "total_error_count": sum(event.failed for event in found),
            "total_token": thousands(sum(event.total for event in found)),
            "total_prompt_token": thousands(sum(event.prompt for event in found)),
            "total_completion_token": thousands(sum(event.completion for event in found)),
            "total_completion_tasks": sum(event.tasks for event in found),
            "total_infer_count": sum(event.inferences for event in found),
        }
        return "{" + ", ".join(f'"{name}": {figure if isinstance(figure, int) else format(figure, "f")}' for name, figure in figures.items()) + "}"

    def matching(self, body: dict[str, Any], oldest: int) -> list[Event]:
        """Return the events that a body asks for; the wire's end counts."""
        return [
            event
            for event in self.events
            if max(body["start_time"], oldest) <= event.at <= body["end_time"]
            and event.service_type == body["service_type"]
            and event.infer_type == body["infer_type"]
            and ("api_keys" not in body or event.api_key in body["api_keys"])
            and ("ips" not in body or event.ip in body["ips"])
        ]


def usage_like(now_ms: int, days: int, calls_a_day: int, seed: str = "usage") -> Iterable[Event]:
    """Yield believable usage of the days (UTC) up to now, a day the same whenever it is asked for, quiet at weekends."""
    import random

    keys, ips = ("key-a", "key-b", ""), ("192.0.2.1", "192.0.2.2", "2001:db8::1")
    for day in range(now_ms // DAY_MS - days, now_ms // DAY_MS + 1):
        dice, weekend = random.Random(f"{seed} {day}"), (day + 4) % 7 in (0, 6)
        for _ in range(calls_a_day // (4 if weekend else 1) + dice.randrange(calls_a_day)):
            at = day * DAY_MS + dice.randrange(DAY_MS)
            kind = dice.choices((2, 1, 4), (80, 15, 5))[0]
            prompt, completion = int(dice.lognormvariate(8, 1.2)), int(dice.lognormvariate(5, 1))
            unsplit = dice.randrange(40) if dice.random() < 0.1 else 0  # the service's total is not the sum of both
            key, ip, failed = dice.choice(keys), dice.choice(ips), dice.random() < 0.04
            tokens = (0, 0, 0) if failed else (prompt + completion + unsplit, prompt, completion)
            if at <= now_ms:
                yield Event(at, *tokens, failed, kind, "real_time", key, ip)

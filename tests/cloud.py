"""A fake Huawei Cloud on this machine: IAM and the two MaaS statistics calls, over real TLS.

A program reaches it as a user behind a company proxy reaches the real one: HTTPS_PROXY names the
fake's proxy, and REQUESTS_CA_BUNDLE names a file with its certificate authority. The fake knows
nothing of the program. It checks the signature with an HMAC of its own, and it adds up the events
in the window that a request asks for.

    with FakeCloud(folder) as cloud:
        cloud.events = [Event(at=1778169600000, total=1500, prompt=1000, completion=500)]
        ...  # run a program with the variables of cloud.environment
        assert cloud.statistics[0]["service_type"] == 2

What arrived: `seen` (requests), `statistics` (bodies of ShowStatistics), `service_lists` (bodies of
ListServiceStatistics), `connections` and `unknown_hosts` (hosts named to the proxy), `busiest`
(most requests at once), `failed_signatures` (in a row).

What the cloud holds and allows, and how it behaves where the real one is not known: the attributes
in `FakeCloud.reset`, each with a comment. `reset()` brings back the defaults.

Faults: `cloud.on(where, reaction, times=None, after=0, when=None)` adds a rule.

    where     text that occurs in the host and path: "iam", "modelarts", "show-statistics", ...
    reaction  an Answer, or a function that gets the Request and returns an Answer, or None to let
              the next rule, or else the cloud itself, answer
    times     how many requests get the reaction (None: all)
    after     how many requests pass before that
    when      a function of the request's body; only requests for which it is true count

Rules are asked in the order in which they were added. Faults are sent before anything is checked.

    cloud.on("iam", Answer(500), times=2)                             the next two requests
    cloud.on("modelarts", Answer(429, headers={"Retry-After": "7"}))  all requests
    cloud.on("modelarts", drop, after=2, times=1)                     only the third request
    cloud.on("show-statistics", refusal(400, "TEST.1", "no"), when=lambda body: "ips" in body)
    cloud.on("modelarts", slow(0.05))                                 a delay, then figures as usual
    cloud.on("show-statistics", lambda _: cloud.events.append(late))  a call that comes in between

Ready reactions: `drop`, `CUT_SHORT`, `NOT_JSON`, `NO_SUCH_CALL`, `slow(seconds)`,
`together(count)`, `Hold()` and `refusal(status, code, text, retry_after=None)`. For the network:
`cloud.certificate`, `cloud.proxy_status`, `cloud.proxy_password`, `cloud.answer_form` and
`cloud.hangs_up`; with HTTPS_PROXY=f"https://{cloud.proxy}" the proxy is taken for an HTTPS one. For
ListServiceStatistics: `cloud.service_list_form`, one of SERVICE_LIST_FORMS.

"Invented" marks a status, code or text of which the real one is not known. Such a code starts
with TEST.
"""

from __future__ import annotations

import base64
import calendar
import gzip
import hashlib
import hmac
import ipaddress
import json
import random
import re
import socket
import ssl
import sys
import threading
import time
import warnings
from collections import deque
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Union
from urllib.parse import parse_qsl, quote, unquote

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # cryptography announces the end of its support for Python 3.8
    import trustme

if sys.version_info >= (3, 9):
    from zoneinfo import ZoneInfo
else:
    from backports.zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from pathlib import Path

# --- What the cloud consists of ---

# An example pair of access keys, and an example token for temporary keys.
AK = "EXAMPLEAK0000000000"  # an example
SK = "EXAMPLESK00000000000000000000000000000000"  # an example
TOKEN = "EXAMPLETOKEN" + "+/=00" * 20

# The project of each region. MaaS is not known to be offered in the last region.
PROJECT_IDS = {
    "cn-southwest-2": "0123456789abcdef0123456789abcdef",
    "ap-southeast-1": "apsoutheast1" + "0" * 20,
    "cn-north-4": "cnnorth4" + "0" * 24,
}
PROJECT_ID = PROJECT_IDS["cn-southwest-2"]
HOSTS = [
    f"{name}.{region}.myhuaweicloud.com" for name in ("iam", "modelarts") for region in PROJECT_IDS
]

CERTIFICATES = ["valid", "expired", "another host", "not trusted"]
if sys.version_info >= (3, 9):  # trustme for Python 3.8 cannot set the first day of a certificate
    CERTIFICATES.append("not yet valid")

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SIGNATURE_SECONDS = 900  # a signature is accepted for so long
FAILURES_BEFORE_LOCK = 5  # more failed signatures in a row lock the AK; this fake never unlocks it
REQUEST_ID = "req-0001"  # in the header; answers may say another in the body
BODY_REQUEST_ID = "req-0002"
THREAD_NAME = "fake cloud"  # of each thread that serves a connection

STATISTICS_FIELDS = {
    "service_type", "start_time", "end_time", "infer_type", "timezone", "api_keys", "ips",
}  # fmt: skip
LIST_FIELDS = STATISTICS_FIELDS | {"service_names", "limit", "offset"}


class Event(NamedTuple):
    """A call of a model at an instant (milliseconds since 1970 UTC), and its tokens."""

    at: int
    total: int = 0
    prompt: int = 0
    completion: int = 0
    failed: bool = False
    service_type: int = 2
    infer_type: str = "real_time"
    api_key: str = "key-a"
    ip: str = "192.0.2.1"
    service_name: str = "example-chat-large"
    tasks: int = 0  # batch inference only, like the next
    inferences: int = 0


class Request(NamedTuple):
    """A request as it arrived. The names of headers are in lower case; `body` is parsed JSON."""

    method: str
    host: str
    path: str
    query: str
    headers: Dict[str, str]
    content: bytes
    body: Any


class Answer(NamedTuple):
    """What is sent back. A body that is neither text nor bytes is sent as JSON."""

    status: int = 200
    body: Any = ""
    headers: Dict[str, str] = {}  # noqa: RUF012 - nothing writes to it


class _HangUp(Exception):
    """The connection is to be closed without an answer."""


class _Refused(Exception):
    """The cloud does not accept a request."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


Reaction = Union[Answer, Callable[[Request], Optional[Answer]]]
Condition = Callable[[Any], bool]


# --- Reactions for FakeCloud.on ---

NOT_JSON = Answer(200, "<html>This is not JSON.</html>", {"Content-Type": "text/html"})

# The header promises more than is sent before the connection is closed.
CUT_SHORT = Answer(200, '{"total_token": 7', {"Content-Length": "4000", "Connection": "close"})


def refusal(status: int, code: str, text: str, retry_after: str | None = None) -> Answer:
    """Return an error answer in the form that the gateway uses."""
    body = {"error_code": code, "error_msg": text, "request_id": BODY_REQUEST_ID}
    headers = {"X-Request-Id": REQUEST_ID}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    return Answer(status, body, headers)


NO_SUCH_CALL = refusal(404, "TEST.0404", "The API does not exist")  # invented


def drop(_: Request) -> Answer | None:
    """Close the connection without an answer."""
    raise _HangUp


def slow(seconds: float) -> Reaction:
    """Return a reaction that waits, and then lets the cloud answer."""

    def wait(_: Request) -> None:
        time.sleep(seconds)

    return wait


def together(count: int) -> Reaction:
    """Return a reaction that lets the cloud answer when `count` requests are waiting at once.

    Use it with times=count. If fewer come within ten seconds, the test fails (`cloud.errors`).
    """
    barrier = threading.Barrier(count, timeout=10)

    def wait(_: Request) -> None:
        barrier.wait()

    return wait


class Hold:
    """A reaction that keeps requests waiting until `release` is set, or for 20 seconds.

    `reached` is set when the first one is waiting. Then the cloud answers as usual.
    """

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.release = threading.Event()

    def __call__(self, _: Request) -> None:
        """Keep a request waiting."""
        self.reached.set()
        self.release.wait(20)


class _Rule:
    """What `FakeCloud.on` was given, and how many requests it has counted."""

    def __init__(
        self,
        where: str,
        reaction: Reaction,
        times: int | None,
        after: int,
        when: Condition | None,
    ) -> None:
        self._where = where
        self._reaction = reaction
        self._first = after + 1
        self._last = None if times is None else after + times
        self._when = when
        self._count = 0

    def applies_to(self, request: Request) -> bool:
        """Count a request if it is of the rule's kind; return whether it gets the reaction."""
        if self._where not in request.host + request.path:
            return False
        if self._when is not None and (request.body is None or not self._when(request.body)):
            return False
        self._count += 1
        if self._last is not None and self._count > self._last:
            return False
        return self._count >= self._first

    def answer(self, request: Request) -> Answer | None:
        """Return the reaction's answer, or None."""
        if isinstance(self._reaction, Answer):
            return self._reaction
        return self._reaction(request)


# --- ListServiceStatistics: the forms that its answer might have ---

Row = Dict[str, Any]
TOKEN_FIELDS = ("total_token", "prompt_token", "completion_token")
OTHER_NAMES = {
    "service_name": "name",
    "request_count": "calls",
    "error_count": "failures",
    "total_token": "tokens",
    "prompt_token": "input_tokens",
    "completion_token": "output_tokens",
}


def _items(page: List[Row], total: int) -> Answer:
    return Answer(200, {"total": total, "count": len(page), "items": page})


def _in_single_tokens(row: Row) -> Row:
    return {**row, **{field: round(row[field] * 1000) for field in TOKEN_FIELDS}}


def _with_other_names(row: Row) -> Row:
    return {other: row[field] for field, other in OTHER_NAMES.items()}


def _as_texts(row: Row) -> Row:
    return {field: str(value) for field, value in row.items()}


# Only "items" and "other list" are forms that a reader should accept. For more services than fit
# into one answer, use them with more than 99 names: they obey `limit` and `offset`.
SERVICE_LIST_FORMS: Dict[str, Callable[[List[Row], int], Answer]] = {
    "items": _items,
    "other list": lambda page, total: Answer(200, {"total": total, "services": page}),
    "first ten": lambda page, total: _items(page[:10], total),  # whatever the limit is
    "single tokens": lambda page, total: _items([_in_single_tokens(row) for row in page], total),
    "other names": lambda page, total: _items([_with_other_names(row) for row in page], total),
    "two lists": lambda page, total: Answer(
        200, {"total": total, "services": page, "models": page}
    ),
    "text": lambda page, total: _items([_as_texts(row) for row in page], total),
    "empty": lambda _, __: _items([], 0),  # though there were calls
    "twice": lambda page, total: _items(page + page, total),
    "refused": lambda _, __: refusal(400, "TEST.0400", "the request is not valid"),  # invented
}


# --- The signature SDK-HMAC-SHA256, by the published rule ---


AUTHORIZATION_FORM = (
    "SDK-HMAC-SHA256 Access=([^,]+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


def canonical_query(query: str) -> str:
    """Return a query encoded and sorted as the rule says."""
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)


def signature_of(
    sk: str,
    method: str,
    path: str,
    query: str,
    headers: Dict[str, str],
    names: List[str],
    content: bytes,
) -> str:
    """Return the signature of a request; `names` are the signed headers, in lower case, sorted."""
    uri = "/".join(quote(unquote(part), safe="~") for part in path.split("/"))
    if not uri.endswith("/"):
        uri += "/"
    canonical_request = "\n".join(
        [
            method,
            uri,
            canonical_query(query),
            "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in names),
            ";".join(names),
            hashlib.sha256(content).hexdigest(),
        ]
    )
    hashed_request = hashlib.sha256(canonical_request.encode()).hexdigest()
    string_to_sign = f"SDK-HMAC-SHA256\n{headers.get('x-sdk-date', '')}\n{hashed_request}"
    return hmac.new(sk.encode(), string_to_sign.encode(), hashlib.sha256).hexdigest()


def _seconds_of(sdk_date: str) -> int:
    """Return the seconds since 1970 UTC of an X-Sdk-Date; raises ValueError."""
    return calendar.timegm(time.strptime(sdk_date, "%Y%m%dT%H%M%SZ"))


# --- The network ---


class _Server(ThreadingTCPServer):
    """Listens for connections to the proxy, and serves each in a thread."""

    allow_reuse_address = True
    request_queue_size = 64
    cloud: FakeCloud

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that has its name from the start."""
        serve = self.process_request_thread
        arguments = (request, client_address)
        threading.Thread(target=serve, args=arguments, name=THREAD_NAME, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Ignore that a client hung up; note every other error."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self.cloud.errors.append(error)


class _Connection(BaseHTTPRequestHandler):
    """A connection: first CONNECT to the proxy, then TLS and requests to the host behind it.

    Without the proxy (cloud.is_direct) TLS comes first, and each request names its host.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    host = ""

    def handle(self) -> None:
        """Serve requests. TLS to the proxy itself gets what a plain proxy answers."""
        tls_handshake = b"\x16"
        if self.server.cloud.is_direct:
            self.start_tls()
        elif self.connection.recv(1, socket.MSG_PEEK) == tls_handshake:
            self.connection.recv(65536)
            self.connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        super().handle()

    def finish(self) -> None:
        """Close the connection, which may be another than the server accepted."""
        super().finish()
        self.connection.close()

    def do_CONNECT(self) -> None:
        """Act as the proxy: refuse, or put TLS of the asked host on top of the connection."""
        cloud = self.server.cloud
        self.host = self.path.rpartition(":")[0]
        cloud.connections.append(self.host)
        status = cloud.proxy_status
        if cloud.proxy_password is not None:
            wanted = base64.b64encode(cloud.proxy_password.encode()).decode()
            if self.headers.get("Proxy-Authorization") != f"Basic {wanted}":
                status = 407
        if status != 200:
            self.send(Answer(status, "", {"Proxy-Authenticate": 'Basic realm="test"'}))
            self.close_connection = True
            return
        if self.host not in HOSTS:
            cloud.unknown_hosts.append(self.host)
            self.send(Answer(502))  # as a proxy does when a host name cannot be resolved
            self.close_connection = True
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        self.start_tls()
        self.close_connection = False

    def start_tls(self) -> None:
        """Read and write TLS from now on."""
        self.request = self.server.cloud.tls().wrap_socket(self.connection, server_side=True)
        self.setup()

    def do_GET(self) -> None:
        """Read a request, and send the cloud's answer."""
        # Acknowledge the headers now: through a proxy, urllib3 waits for that before it sends the
        # body, and Linux would wait for 40 ms.
        if hasattr(socket, "TCP_QUICKACK"):
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        length = int(self.headers.get("Content-Length", 0))
        content = self.rfile.read(length)
        if len(content) < length:  # the client has gone in the middle of its request
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.server.cloud.is_direct:
            self.host = headers.get("host", "")
        if headers.get("host") != self.host:
            self.send(Answer(421, "not a request through the tunnel to this host"))
            return
        path, _, query = self.path.partition("?")
        body = _parsed(content)
        request = Request(self.command, self.host, path, query, headers, content, body)
        try:
            answer = self.server.cloud.answer_to(request)
        except _HangUp:
            self.close_connection = True
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the test fails with it
            self.server.cloud.errors.append(error)  # before the client can notice anything
            self.close_connection = True
            return
        self.send(answer, self.server.cloud.answer_form)
        if self.server.cloud.hangs_up:
            self.close_connection = True

    do_POST = do_GET  # noqa: N815

    def send(self, answer: Answer, form: str = "plain") -> None:
        """Send an answer: plain, in gzip, or in chunks."""
        content = answer.body
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        if isinstance(content, str):
            content = content.encode()
        headers = {"Content-Type": "application/json"}
        if form == "gzip":
            content = gzip.compress(content)
            headers["Content-Encoding"] = "gzip"
        if form == "chunks":
            parts = [content[start : start + 50] for start in range(0, len(content), 50)]
            parts.append(b"")  # the end
            content = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = str(len(content))
        headers.update(answer.headers)
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def _parsed(content: bytes) -> Any:
    """Return the parsed JSON of a body, or None if there is no valid JSON."""
    try:
        return json.loads(content)
    except ValueError:
        return None


# --- The cloud ---


class FakeCloud:
    """The cloud. Use it as a context; its attributes can be set at any time."""

    def __init__(self, folder: Path) -> None:
        """Prepare the cloud; the file with its certificate authority goes into the folder."""
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._certificates = {
            "valid": authority.issue_cert(*HOSTS),
            "expired": authority.issue_cert(*HOSTS, not_after=datetime(2001, 1, 1)),
            "another host": authority.issue_cert("example.com"),
            "not trusted": trustme.CA().issue_cert(*HOSTS),
        }
        if sys.version_info >= (3, 9):
            future = authority.issue_cert(*HOSTS, not_before=datetime(2999, 1, 1))
            self._certificates["not yet valid"] = future
        self._contexts: Dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self._busy = 0
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.cloud = self
        self.reset()

    def reset(self) -> None:
        """Forget what arrived, drop all rules and events, and set everything to its default."""
        # What the cloud holds and allows
        self.events: List[Event] = []
        self.keys = {AK: (SK, "")}  # AK: (SK, token); the token is "" for permanent keys
        self.projects: List[Any] = []
        for region, project_id in PROJECT_IDS.items():
            self.projects.append({"id": project_id, "name": region, "enabled": True})
        self.may_list_projects = True  # GET /v3/projects
        self.may_list_own_projects = True  # GET /v3/auth/projects
        self.may_read_statistics = True
        self.service_types = {  # as documented for the two sites; custom endpoints are 4 [skill]
            "cn-southwest-2": [1, 2, 4],
            "ap-southeast-1": [1, 2],
            "cn-north-4": [1, 2, 4],
        }

        # What is not known of the real service
        self.refuses_old_starts = False  # over 30 days old: True refuses with 400, False cuts
        self.longest_days = 30.0  # a longer span from start to end is refused with 400
        self.end_is_inclusive = True  # whether a call exactly at end_time counts
        self.strict_api_keys = False  # True: the China page's form of keys; False: any labels
        self.ignores_filters = False  # True: API keys and addresses are not understood
        self.counts_whole_hours = False  # of the zone in `timezone`; False: to the millisecond
        self.retry_after: str | None = None  # sent with the cloud's own 429
        self.service_list_form = "items"  # one of SERVICE_LIST_FORMS

        # Limits and clock. The minute is measured on arrival by a clock that tests do not move,
        # over both statistics calls. Several large runs in one test may need None (no limit).
        self.requests_a_minute: int | None = 200
        self.clock_ahead = 0.0  # seconds by which the cloud's clock is ahead of this machine's

        # The network
        self.certificate = "valid"  # one of CERTIFICATES
        self.proxy_status = 200  # what the proxy answers to CONNECT: 407, 403, 502, ...
        self.proxy_password: str | None = None  # user:password, without which it answers 407
        self.answer_form = "plain"  # or "gzip" or "chunks"
        self.hangs_up = False  # True: each connection is closed after an answer, unannounced
        self.is_direct = False  # True: clients come without the proxy

        # What arrived
        self.seen: List[Request] = []
        self.connections: List[str] = []
        self.unknown_hosts: List[str] = []
        self.busiest = 0
        self.failed_signatures = 0
        self.errors: List[BaseException] = []  # of the fake itself, or raised by a reaction

        self._rules: List[_Rule] = []
        self._arrivals: deque[float] = deque()

    def on(
        self,
        where: str,
        reaction: Reaction,
        times: int | None = None,
        after: int = 0,
        when: Condition | None = None,
    ) -> None:
        """Add a rule for requests; the module's docstring explains it."""
        self._rules.append(_Rule(where, reaction, times, after, when))

    def __enter__(self) -> FakeCloud:  # noqa: PYI034 - Python 3.8 has no Self
        serve = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        serve.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def proxy(self) -> str:
        """The host and port of the proxy."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> Dict[str, str]:
        """The variables with which a program reaches this cloud."""
        return {"HTTPS_PROXY": f"http://{self.proxy}", "REQUESTS_CA_BUNDLE": str(self.ca_file)}

    @property
    def statistics(self) -> List[Any]:
        """The bodies of the requests for ShowStatistics, in order of arrival."""
        return [request.body for request in self.seen if request.path.endswith("/show-statistics")]

    @property
    def service_lists(self) -> List[Any]:
        """The bodies of the requests for ListServiceStatistics, in order of arrival."""
        path_end = "/list-service-statistics"
        return [request.body for request in self.seen if request.path.endswith(path_end)]

    def tls(self) -> ssl.SSLContext:
        """Return the TLS context with the certificate that is shown at present."""
        with self._lock:
            if self.certificate not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._certificates[self.certificate].configure_cert(context)
                self._contexts[self.certificate] = context
            return self._contexts[self.certificate]

    def answer_to(self, request: Request) -> Answer:
        """Return the answer to a request: of the first rule that has one, or the cloud's own."""
        with self._lock:
            self.seen.append(request)
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        try:
            for rule in list(self._rules):
                with self._lock:
                    applies = rule.applies_to(request)
                answer = rule.answer(request) if applies else None
                if answer is not None:
                    return answer
            return self._own_answer(request)
        except _Refused as refused:
            return refused.answer
        finally:
            with self._lock:
                self._busy -= 1

    def _own_answer(self, request: Request) -> Answer:
        """Return what the cloud answers without faults; raises _Refused."""
        self._check_signature(request)
        service, region = request.host.split(".")[:2]
        statistics = re.fullmatch(r"/v1/([^/]+)/maas/monitoring/([a-z-]+)", request.path)
        if service == "iam" and request.method == "GET":
            return self._projects_answer(request)
        if service == "modelarts" and request.method == "POST" and statistics:
            project_id, call = statistics.groups()
            if call == "show-statistics":
                self._check_statistics_request(request, region, project_id, STATISTICS_FIELDS)
                return self._sums_answer(request.body)
            if call == "list-service-statistics":
                self._check_statistics_request(request, region, project_id, LIST_FIELDS)
                return self._list_answer(request.body)
        raise _Refused(NO_SUCH_CALL)

    # --- Who asks

    def _check_signature(self, request: Request) -> None:
        """Accept a signature that is valid, fresh and covers what it must; raises _Refused."""
        headers = request.headers
        parts = re.fullmatch(AUTHORIZATION_FORM, headers.get("authorization", ""))
        if not parts:
            raise self._unauthorized("no signature")  # invented
        ak = parts[1]
        names = parts[2].split(";")
        if self.failed_signatures > FAILURES_BEFORE_LOCK:
            raise self._unauthorized("AK access failed to reach the limit,forbidden")
        if ak not in self.keys:
            raise self._unauthorized(f"Get secretKey failed,ak:{ak},err:ak not exist")
        date = headers.get("x-sdk-date", "")
        try:
            age = self._now() - _seconds_of(date)
        except ValueError:
            raise self._unauthorized("no valid X-Sdk-Date") from None  # invented
        if abs(age) > SIGNATURE_SECONDS:
            now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now()))
            times = f"signature time:{date},server time:{now}"
            raise self._unauthorized(f"signature expired, {times}")

        sk, token = self.keys[ak]
        needed = {"host", "content-type", "x-sdk-date"}
        if token:
            needed.add("x-security-token")
        expected = signature_of(
            sk, request.method, request.path, request.query, headers, names, request.content
        )
        holds = [
            hmac.compare_digest(parts[3], expected),
            request.query == canonical_query(request.query),  # what was signed is what was sent
            needed <= set(names),
            names == sorted(names),
            headers.get("x-security-token", "") == token,
        ]
        if not all(holds):
            lines = "|".join(f"{name}:{headers.get(name)}" for name in names)
            signed = f"{request.method}|{request.path}/|{request.query}|{lines}"
            raise self._unauthorized(f"verify aksk signature fail, canonicalRequest:{signed}")
        self.failed_signatures = 0

    def _unauthorized(self, reason: str) -> _Refused:
        """Count a failed signature; return the error for it."""
        with self._lock:
            self.failed_signatures += 1
        text = f"Incorrect IAM authentication information: {reason}"
        return _Refused(refusal(401, "APIGW.0301", text))

    def _now(self) -> float:
        """Return the cloud's time in seconds since 1970 UTC."""
        return time.time() + self.clock_ahead

    # --- IAM

    def _projects_answer(self, request: Request) -> Answer:
        """Return the projects that a request may list."""
        if request.path == "/v3/projects" and self.may_list_projects:
            name = dict(parse_qsl(request.query)).get("name")
            projects = self.projects
            if name is not None:
                projects = [project for project in projects if project["name"] == name]
            return Answer(200, {"links": {}, "projects": projects})
        if request.path == "/v3/auth/projects" and self.may_list_own_projects:
            return Answer(200, {"links": {}, "projects": self.projects})
        if request.path not in ("/v3/projects", "/v3/auth/projects"):
            raise _Refused(NO_SUCH_CALL)
        error = {"code": 403, "message": "You are not authorized"}  # the text is invented
        raise _Refused(Answer(403, {"error": error}, {"X-Request-Id": REQUEST_ID}))

    # --- Statistics

    def _check_statistics_request(
        self, request: Request, region: str, project_id: str, fields: set[str]
    ) -> None:
        """Accept a request that is allowed and valid; raises _Refused."""
        self._count_statistics_request()
        if project_id not in self._project_ids(region):
            # invented
            raise _Refused(refusal(403, "TEST.0403", f"the project is not one of {region}"))
        signed_names = request.headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
        project_is_signed = "x-project-id" in signed_names.split(";")
        if request.headers.get("x-project-id") != project_id or not project_is_signed:
            # invented; sub-projects need the header, and the SDK always adds it
            raise _Refused(refusal(400, "TEST.0400", "X-Project-Id is missing or not signed"))
        if not self.may_read_statistics:
            raise _Refused(refusal(403, "TEST.0403", "no permission"))  # invented
        self._check_body(request.body, self.service_types[region], fields)
        if "limit" in fields:
            _check_paging(request.body)

    def _count_statistics_request(self) -> None:
        """Raise _Refused if the user's limit for a minute is reached."""
        now = time.perf_counter()
        with self._lock:
            while self._arrivals and self._arrivals[0] <= now - 60:
                self._arrivals.popleft()
            limit = self.requests_a_minute
            if limit is None or len(self._arrivals) < limit:
                self._arrivals.append(now)
                return
        # The rest of the text, after "reached", is invented.
        text = f"The throttling threshold has been reached: limit:{limit},time:1 minute"
        raise _Refused(refusal(429, "APIGW.0308", text, self.retry_after))

    def _project_ids(self, region: str) -> List[str]:
        """Return the ids of a region's project and of its sub-projects."""
        return [
            project["id"] for project in self.projects if project["name"].split("_")[0] == region
        ]

    def _check_body(self, body: Any, service_types: List[int], fields: set[str]) -> None:
        """Accept a valid body; raises _Refused. Only the text on service types is the real one."""
        _expect(isinstance(body, dict), "the body is not a JSON object")
        _expect(set(body) <= fields, "there is an unknown field")

        service_type = body.get("service_type")
        known_types = " ".join(str(known) for known in service_types)
        type_is_known = _is_integer(service_type) and service_type in service_types
        _expect(type_is_known, f"service_type must be one of [{known_types}]")
        infer_type_is_known = body.get("infer_type") in ("real_time", "batch")
        _expect(infer_type_is_known, "infer_type must be one of [real_time batch]")

        start, end = body.get("start_time"), body.get("end_time")
        _expect(_is_integer(start) and _is_integer(end), "start_time and end_time are required")
        _expect(0 < start <= end, "start_time must be over 0 and not after end_time")
        _expect(end - start <= self.longest_days * DAY_MS, "the time range is too long")
        if self.refuses_old_starts:
            _expect(start >= self._oldest_ms(), "start_time is more than 30 days ago")

        zone = body.get("timezone", "Asia/Shanghai")
        _expect(_is_zone(zone), "timezone is not the name of a time zone")
        for field in ("api_keys", "ips", "service_names"):
            if field in body:
                _expect(_is_list_of_texts(body[field]), f"{field} is not a list of texts")
        for api_key in body.get("api_keys", []):
            _expect(self._is_api_key(api_key), "there is an API key that is not valid")
        for ip in body.get("ips", []):
            _expect(_is_address(ip), "there is an IP address that is not valid")

    def _is_api_key(self, text: str) -> bool:
        """Return whether a text can be an API key (strict_api_keys) or its label."""
        if self.strict_api_keys:
            return re.fullmatch("[A-Za-z0-9_-]{0,128}", text) is not None
        return text.isprintable() and text == text.strip()

    def _oldest_ms(self) -> int:
        """Return the earliest instant for which the cloud still keeps usage."""
        return int(self._now() * 1000) - 30 * DAY_MS

    def _events_for(self, body: Dict[str, Any]) -> List[Event]:
        """Return the events that a valid body asks for, as far as they are kept."""
        start = max(body["start_time"], self._oldest_ms())
        end = body["end_time"]
        if not self.end_is_inclusive:
            end -= 1
        if self.counts_whole_hours:
            zone = ZoneInfo(body.get("timezone", "Asia/Shanghai"))
            start = _hour_start_ms(start, zone)
            end = _hour_start_ms(end, zone) + HOUR_MS - 1
        api_keys = body.get("api_keys")
        ips = body.get("ips")
        if self.ignores_filters:
            api_keys = ips = None
        events = []
        for event in list(self.events):
            wanted = [
                start <= event.at <= end,
                event.service_type == body["service_type"],
                event.infer_type == body["infer_type"],
                api_keys is None or event.api_key in api_keys,
                ips is None or event.ip in ips,
                _contains_one_of(event.service_name, body.get("service_names", [""])),
            ]
            if all(wanted):
                events.append(event)
        return events

    def _sums_answer(self, body: Dict[str, Any]) -> Answer:
        """Return the totals of ShowStatistics. Like the real service, it sends doubles.

        They are exact up to 10 to the 15th tokens.
        """
        events = self._events_for(body)
        sums = {
            "total_request_count": len(events),
            "total_error_count": sum(event.failed for event in events),
            "total_token": sum(event.total for event in events) / 1000,
            "total_prompt_token": sum(event.prompt for event in events) / 1000,
            "total_completion_token": sum(event.completion for event in events) / 1000,
            "total_completion_tasks": sum(event.tasks for event in events),
            "total_infer_count": sum(event.inferences for event in events),
        }
        return Answer(200, sums, {"X-Request-Id": REQUEST_ID})

    def _list_answer(self, body: Dict[str, Any]) -> Answer:
        """Return the figures of ListServiceStatistics, in the form that is chosen."""
        by_name: Dict[str, List[Event]] = {}
        for event in self._events_for(body):
            by_name.setdefault(event.service_name, []).append(event)
        rows = [_service_row(name, events) for name, events in sorted(by_name.items())]
        offset = body.get("offset", 0)
        page = rows[offset : offset + body.get("limit", 10)]
        return SERVICE_LIST_FORMS[self.service_list_form](page, len(rows))


def _hour_start_ms(at: int, zone: ZoneInfo) -> int:
    """Return when the local hour of an instant began; both in milliseconds since 1970 UTC."""
    local = datetime.fromtimestamp(at / 1000, zone)
    return at - (local.minute * 60 + local.second) * 1000 - at % 1000


def _service_row(name: str, events: List[Event]) -> Row:
    """Return the figures of one service. Its field names are likely, and not confirmed."""
    errors = sum(event.failed for event in events)
    return {
        "service_name": name,
        "version_name": "V1",
        "request_count": len(events),
        "error_count": errors,
        "error_rate": errors / len(events),
        "total_token": sum(event.total for event in events) / 1000,
        "prompt_token": sum(event.prompt for event in events) / 1000,
        "completion_token": sum(event.completion for event in events) / 1000,
        "cache_token": 0.0,
        "cache_hit_ratio": 0.0,
    }


def _expect(holds: bool, text: str) -> None:
    """Refuse a request with 400 if something does not hold. The code is invented."""
    if not holds:
        raise _Refused(refusal(400, "TEST.0400", text))


def _check_paging(body: Dict[str, Any]) -> None:
    """Accept the limit and offset that the sibling calls accept; raises _Refused."""
    limit, offset = body.get("limit", 10), body.get("offset", 0)
    _expect(_is_integer(limit) and 0 < limit < 100, "limit must be over 0 and under 100")
    _expect(_is_integer(offset) and offset >= 0, "offset must not be negative")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(isinstance(text, str) for text in value)


def _is_zone(name: object) -> bool:
    try:
        ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):  # unknown, not a relative path, or a folder
        return False
    return isinstance(name, str)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _contains_one_of(text: str, parts: List[str]) -> bool:
    return any(part in text for part in parts)


# --- Made-up usage ---

API_KEYS = ("key-a", "key-b", "")
IPS = ("192.0.2.1", "192.0.2.2", "2001:db8::1")
SERVICES = {  # by service type; the first of each is used most
    2: ("example-chat-large", "example-chat-small", "example-reasoner"),
    1: ("demo-my-chatbot", "demo-my-classifier"),
    4: ("demo-endpoint",),
}


def usage_like(
    now_ms: int, days: int = 45, calls_a_day: int = 200, seed: str = "usage"
) -> Iterator[Event]:
    """Yield believable usage of the days (UTC) up to now: less at weekends, some calls failed.

    A day is the same whenever it is asked for. It has all service types, batch jobs, API_KEYS,
    IPS and SERVICES.
    """
    today = now_ms // DAY_MS
    for day in range(today - days, today + 1):
        dice = random.Random(f"{seed} {day}")
        is_weekend = (day + 4) % 7 in (0, 6)
        usual_calls = calls_a_day // 4 if is_weekend else calls_a_day
        for _ in range(usual_calls + dice.randrange(calls_a_day)):
            event = _made_up_call(dice, day)
            if event.at <= now_ms:
                yield event


def _made_up_call(dice: random.Random, day: int) -> Event:
    """Return a call of a day (days since 1970); one of twenty is a batch job."""
    at = day * DAY_MS + dice.randrange(DAY_MS)
    service_type = dice.choices((2, 1, 4), weights=(80, 15, 5))[0]
    services = SERVICES[service_type]
    call = Event(
        at,
        service_type=service_type,
        service_name=dice.choices(services, weights=(6, 3, 1)[: len(services)])[0],
        api_key=dice.choice(API_KEYS),
        ip=dice.choice(IPS),
    )
    inferences = 1
    if dice.random() < 0.05:
        inferences = dice.randrange(20, 400)
        call = call._replace(infer_type="batch", tasks=1, inferences=inferences)
    if dice.random() < 0.04:
        return call._replace(failed=True, tasks=0, inferences=0)
    prompt = int(dice.lognormvariate(8, 1.2)) * inferences
    completion = int(dice.lognormvariate(5, 1)) * inferences
    total = prompt + completion
    if dice.random() < 0.1:
        total += dice.randrange(40)  # the real service's total is not the sum of both, either
    return call._replace(total=total, prompt=prompt, completion=completion)

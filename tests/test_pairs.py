"""Each breakdown with each filter, inference type and service type: what is asked and counted.

Each call has its own power of two as tokens, so that a sum names the calls in it.
"""

from __future__ import annotations

import itertools
import json
from typing import Any, Dict, List, Tuple

import pytest
from cloud import PROJECT_ID, Event, FakeCloud
from conftest import At, Run, ms

# From a Sunday to a Monday, so that a short period has several hours, days and weeks.
START = "2026-11-01T22:30:00+08:00"
FULL_HOUR = "2026-11-01T23:00:00+08:00"
MIDNIGHT = "2026-11-02T00:00:00+08:00"
END = "2026-11-02T01:00:00+08:00"
PERIOD = ("--from", START[:19], "--to", END[:19], "--timezone", "Asia/Shanghai")
ROW_STARTS = {
    "hour": [START, FULL_HOUR, MIDNIGHT],
    "day": [START, MIDNIGHT],
    "week": [START, MIDNIGHT],
}
API_KEYS = ["key-a", ""]
IPS = ["2001:db8::1", "192.0.2.1"]
NAMES = {2: "preset", 1: "my-service", 4: "custom-endpoint"}

Filters = Dict[str, List[str]]
Pair = Tuple[str, Filters, str, str]
BREAKDOWNS = ["none", *ROW_STARTS, "service-type", "service", "api-key", "ip"]
FILTERS: list[Filters] = [
    {},
    {"api_keys": API_KEYS},
    {"ips": IPS},
    {"api_keys": API_KEYS, "ips": IPS},
]
INFER_TYPES = ["real_time", "batch"]
SERVICE_TYPES = {"my-service": [1], "all": [2, 1, 4]}


def made_up_calls() -> list[Event]:
    """Return calls at each edge and just before it, of all types. Callers and services vary."""
    instants = [ms(edge) + shift for edge in (START, FULL_HOUR, MIDNIGHT, END) for shift in (-1, 0)]
    callers = itertools.cycle(itertools.product([*API_KEYS, "key-b"], [*IPS, "192.0.2.2"]))
    services = itertools.cycle(["example-a", "example-b"])
    calls: list[Event] = []
    for service_type, infer_type, at in itertools.product(NAMES, INFER_TYPES, instants):
        api_key, ip = next(callers)
        call = Event(
            at,
            total=2 ** len(calls),
            failed=len(calls) % 5 == 0,
            service_type=service_type,
            infer_type=infer_type,
            api_key=api_key,
            ip=ip,
            service_name=next(services),
        )
        calls.append(call)
    return calls


CALLS = made_up_calls()


def possible_pairs() -> list[Pair]:
    """Return what can be asked. All else is a usage error, see test_arguments."""
    pairs = []
    for pair in itertools.product(BREAKDOWNS, FILTERS, INFER_TYPES, SERVICE_TYPES):
        by, filters, infer_type, _ = pair
        if by == "service" and infer_type == "batch":
            continue  # the list of services has real-time inference only
        if by == "api-key" and "api_keys" not in filters:
            continue  # the rows are the API keys that are given
        if by == "ip" and "ips" not in filters:
            continue  # the rows are the addresses that are given
        pairs.append(pair)
    return pairs


def name_of(pair: Pair) -> str:
    """Return the name of a case."""
    by, filters, infer_type, service_type = pair
    return "-".join([by, *filters, infer_type, service_type])


def row_of(call: Event, by: str) -> Any:
    """Return in which row a call belongs."""
    if by in ROW_STARTS:
        return max(start for start in ROW_STARTS[by] if ms(start) <= call.at)
    if by == "service-type":
        return NAMES[call.service_type]
    if by == "service":
        return (call.service_name, NAMES[call.service_type])
    if by == "api-key":
        return call.api_key if call.api_key in API_KEYS else "(others)"
    return call.ip if call.ip in IPS else "(others)"


def rows_in_order(by: str, numbers: list[int], calls: list[Event]) -> list[Any]:
    """Return the names of the rows. The services with the last calls have most tokens."""
    if by == "none":
        return []
    if by in ROW_STARTS:
        return ROW_STARTS[by]
    if by == "service-type":
        return [NAMES[number] for number in numbers]
    if by == "service":
        return list(dict.fromkeys(row_of(call, by) for call in reversed(calls)))
    values = API_KEYS if by == "api-key" else IPS
    is_more = any(row_of(call, by) == "(others)" for call in calls)
    return [*values, "(others)"] if is_more else values


def shown_name(row: dict[str, Any], by: str) -> Any:
    """Return the name of a row of the document."""
    if by == "service":
        return (row["service"], row["service_type"])
    if by in ROW_STARTS:
        return row["start"]
    return row[by.replace("-", "_")]


def figures_of(calls: list[Event]) -> list[int]:
    """Return tokens, requests and errors of calls."""
    tokens = sum(call.total for call in calls)
    return [tokens, len(calls), sum(call.failed for call in calls)]


def questions(by: str, whole: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is asked for each service type. `whole` asks for the total."""
    if by in ROW_STARTS:
        edges = [*ROW_STARTS[by], END]
        return [
            {**whole, "start_time": ms(start), "end_time": ms(end) - 1}
            for start, end in zip(edges, edges[1:])
        ]
    if by == "api-key":
        return [whole, *({**whole, "api_keys": [api_key]} for api_key in API_KEYS)]
    if by == "ip":
        return [whole, *({**whole, "ips": [ip]} for ip in IPS)]
    return [whole]


def in_any_order(bodies: list[dict[str, Any]]) -> list[str]:
    """Return bodies in a form in which they can be compared."""
    return sorted(json.dumps(body, sort_keys=True) for body in bodies)


@pytest.mark.parametrize("pair", possible_pairs(), ids=name_of)
def test_a_run_asks_for_its_calls_and_counts_them(
    pair: Pair, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Each body with all its fields, and each row, the rest, the total and the shares."""
    at("2026-11-03T10:15:30+08:00")
    cloud.events = CALLS
    by, filters, infer_type, service_type = pair
    argv = [*PERIOD, "--infer-type", infer_type, "--service-type", service_type]
    argv += [] if by == "none" else ["--by", by]
    for field, values in filters.items():
        argv += ["--" + field.replace("_", "-"), *values]
    narrowed = dict(filters)  # what the total is narrowed to
    narrowed.pop({"api-key": "api_keys", "ip": "ips"}.get(by, ""), None)
    numbers = SERVICE_TYPES[service_type]
    whole = {
        "start_time": ms(START),
        "end_time": ms(END) - 1,
        "timezone": "Asia/Shanghai",
        "infer_type": infer_type,
        **narrowed,
    }
    calls = [
        call
        for call in CALLS
        if ms(START) <= call.at < ms(END)
        and call.infer_type == infer_type
        and call.service_type in numbers
        and ("api_keys" not in narrowed or call.api_key in API_KEYS)
        and ("ips" not in narrowed or call.ip in IPS)
    ]

    document = run(*argv, "--format", "json", HW_PROJECT_ID=PROJECT_ID).document

    bodies = [
        {**question, "service_type": number}
        for question in questions(by, whole)
        for number in numbers
    ]
    lists = [{**whole, "service_type": number, "limit": 99, "offset": 0} for number in numbers]
    assert in_any_order(cloud.statistics) == in_any_order(bodies)
    assert in_any_order(cloud.service_lists) == in_any_order(lists if by == "service" else [])

    assert document["service_types"] == [NAMES[number] for number in numbers]
    assert document["infer_type"] == infer_type
    assert {name: document[name] for name in ("api_keys", "ips") if document[name]} == narrowed

    names = ("total_tokens", "total_requests", "total_errors")
    expected = [
        (row, figures_of([call for call in calls if row_of(call, by) == row]))
        for row in rows_in_order(by, numbers, calls)
    ]
    shown = [(shown_name(row, by), [row[name] for name in names]) for row in document["rows"]]
    assert shown == expected
    assert [document["totals"][name] for name in names] == figures_of(calls)
    for row in document["rows"]:
        share = row["total_tokens"] / sum(call.total for call in calls)
        assert row["share"] == pytest.approx(share, abs=0.00005)

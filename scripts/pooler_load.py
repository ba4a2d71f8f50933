"""What scripts/pooler asks of its servers: many clients at once, and every answer as it would be without a pooler."""

import json
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ADDRESSES = os.environ["SERVICE_ADDRESSES"].split()
CLIENTS, ROUNDS = 16, 8
run = uuid.uuid4().hex[:8]
starting = threading.Barrier(CLIENTS)


def ask(number, method, path, body=None, once=None):
    headers = {"Authorization": f"Bearer {os.environ['SERVICE_KEY']}", "Content-Type": "application/json"}
    if once:
        headers["Idempotency-Key"] = once
    data = body and json.dumps(body).encode()
    try:
        with urlopen(Request(ADDRESSES[number % len(ADDRESSES)] + path, data, headers, method=method), timeout=30) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


def devices(*serial_numbers):
    common = {"name": "XPS 13", "type": "laptop", "category": "computers", "user_email": "ada@example.com"}
    return {"devices": [common | {"serial_number": serial_number} for serial_number in serial_numbers]}


def client(number):
    """The statuses that its tries for the contested serial numbers got."""
    races = []
    for turn in range(ROUNDS):
        name = f"{run}-{number}-{turn}"
        batch = devices(*(f"{name}-{row}" for row in range((1, 5, 40)[turn % 3])))
        status, first = ask(number + turn, "POST", "/devices", batch, once=name)
        assert status == 201 and len(json.loads(first)["data"]["devices"]) == len(batch["devices"]), (status, first)
        again = ask(number + turn + 1, "POST", "/devices", batch, once=name)
        assert again == (201, first), again
        for path in ("/devices", f"/devices?search={run}", "/users"):
            status, answer = ask(number + turn, "GET", path)
            assert status == 200, (path, status, answer)
        path = f"/devices/{json.loads(first)['data']['devices'][0]['id']}"
        status, answer = ask(number + turn, "PATCH", path, {"comment": "behind a pooler"})
        assert status == 200, (status, answer)
        starting.wait(timeout=60)
        races.append(ask(number + turn, "POST", "/devices", devices(f"{run}-race-{turn}"))[0])
    return races


def guarded(number):
    try:
        return client(number)
    except BaseException:
        starting.abort()  # else the others would wait for this one
        raise


with ThreadPoolExecutor(CLIENTS) as pool:
    for statuses in zip(*[future.result() for future in [pool.submit(guarded, number) for number in range(CLIENTS)]]):
        assert statuses.count(201) == 1 and not any(status >= 500 for status in statuses), statuses

"""How late, how fast: the paced latency and the unpaced throughput of the live path.

    python benchmarks/live.py --source talk.mp4 --out out/live.json
    python benchmarks/live.py --clients

Paced: the clip in real time into a file, the page and nothing, as a streamer runs it. Unpaced: as fast as the machine
can, into nothing. With --clients a third time, paced, as a streamer with OBS runs it: a reader takes the NUT stream,
and an open page acknowledges each picture; both are processes of their own on the same machine. Starting, they take so
much of it that a lighter engine steps in, so these runs are measured half a minute later. Writes the reports, with
machine, commit and versions, into one JSON file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from mien.plugin.app import Live
from mien.plugin.measure import Plan, bench_config, measure
from mien.plugin.report import BenchReport, Run

#: A client that is not there by then never will be, seconds.
_PATIENCE_S = 10.0
#: What the start of the clients has displaced is back by then, if it comes back at all, seconds.
_CLIENTS_WARM_UP_S = 30.0


def tell(repeat: int, run: Run) -> None:
    """Print one repeat's main figures."""
    latency, dropped = run.latency_ms, run.frames.dropped
    print(f"  {repeat}: {run.fps:.1f} fps, p50 {latency.p50:.1f} ms, p95 {latency.p95:.1f} ms, {dropped} dropped")


def paced(source: str | None, persona: str, plan: Plan) -> BenchReport:
    """Three sinks in real time."""
    with tempfile.TemporaryDirectory() as folder:
        config = bench_config(
            source,
            persona=persona,
            sinks=(f"file:{Path(folder) / 'out.mp4'}", "preview", "null"),
            overwrite=True,
        )
        return measure(config, plan, on_run=tell)[0]


def unpaced(source: str | None, persona: str, plan: Plan) -> BenchReport:
    """No sink that does anything, no clock."""
    return measure(bench_config(source, persona=persona, pace=False), plan, on_run=tell)[0]


def paced_with_clients(source: str | None, persona: str, plan: Plan) -> BenchReport:
    """Into NUT and the page, in real time, with a reader of each."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    config = bench_config(source, persona=persona, sinks=(f"nut://127.0.0.1:{port}", "preview"))
    plan = replace(plan, warm_up_s=_CLIENTS_WARM_UP_S)
    return measure(config, plan, on_run=tell, beside=partial(clients, port=port))[0]


@contextmanager
def clients(live: Live, *, port: int) -> Iterator[None]:
    """Both clients from here on; says how many pictures a second each of them had."""
    context = multiprocessing.get_context("spawn")
    counts = {name: context.Value("q", 0) for name in ("NUT, bytes", "page, pictures")}
    work = ((read_nut, (port, counts["NUT, bytes"])), (keep_page, (live.preview_url, counts["page, pictures"])))
    readers = [context.Process(target=target, args=given, daemon=True) for target, given in work]
    try:
        for reader in readers:
            reader.start()
        until = time.monotonic() + _PATIENCE_S
        while not all(count.value for count in counts.values()):
            if time.monotonic() > until or not all(reader.is_alive() for reader in readers):
                raise SystemExit("a client did not come to its first picture.")
            time.sleep(0.01)
        before, begin = {name: count.value for name, count in counts.items()}, time.monotonic()
        yield
        seconds = time.monotonic() - begin
        rates = (f"{name}: {(count.value - before[name]) / seconds:,.0f} a second" for name, count in counts.items())
        print(f"     {'; '.join(rates)}")
    finally:
        for reader in readers:
            reader.kill()
            reader.join()


def read_nut(port: int, count: Any) -> None:  # noqa: ANN401 - a number that processes share
    """Take the stream as fast as it comes."""
    buffer = bytearray(1 << 20)
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S) as connection:
        while taken := connection.recv_into(buffer):
            count.value += taken


def keep_page(url: str, count: Any) -> None:  # noqa: ANN401
    """Load the page, open its socket, and acknowledge each picture at once."""
    asyncio.run(_keep_page(url, count))


async def _keep_page(url: str, count: Any) -> None:  # noqa: ANN401
    origin, _, _ = url.partition("/?")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(url) as answer:
            answer.raise_for_status()
        async with session.ws_connect(f"{origin}/socket", origin=origin) as page:
            await page.send_json({"type": "ack", "channel": "after"})
            async for message in page:
                if message.type is aiohttp.WSMsgType.BINARY:
                    count.value += 1
                    await page.send_json({"type": "ack", "channel": "after"})


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="a clip; default: the shipped one")
    parser.add_argument("--persona", default="amara")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clients", action="store_true", help="also with a NUT reader and an open page")
    parser.add_argument("--out", type=Path, default=Path("out/live.json"))
    given = parser.parse_args()
    plan = Plan(seconds=given.seconds, repeats=given.repeats)
    print("paced, into a file, the page and nothing")
    reports = {"paced": paced(given.source, given.persona, plan)}
    if given.clients:
        print("paced, into NUT and the page, with a reader of each")
        reports["paced_with_clients"] = paced_with_clients(given.source, given.persona, plan)
    print("unpaced, into nothing")
    reports["unpaced"] = unpaced(given.source, given.persona, plan)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    document = {name: report.model_dump(mode="json", by_alias=True) for name, report in reports.items()}
    given.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    for name, report in reports.items():
        late = f", p50 {report.latency_ms.p50:.1f} ms, p95 {report.latency_ms.p95:.1f} ms" if report.paced else ""
        print(f"{name:18} {report.fps:.1f} fps{late}, {report.frames.dropped} dropped, {report.engine}")
    print(f"written to {given.out}")


if __name__ == "__main__":
    main()

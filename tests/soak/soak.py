"""soak.py SECONDS: minutes of honest and hostile clients on one server, whose memory, descriptors and
threads are written down each second. Prints what they were, and how they changed over the second
half; the exit status is 1 if something was answered wrongly, or if memory grows.

Growth is claimed where the whole 95 % confidence interval of the slope is above zero and the growth
over the second half is more than GROWTH_MB, which is what an allocator's holes make of a level load.
The slope is that of the means of BLOCKS stretches of time, since neighbouring seconds are not
independent of each other."""

import asyncio
import math
import multiprocessing
import sys
import time

import actors
from server import Server

FLAGS = ("--retain", "5s", "--header-timeout", "2", "--idle-timeout", "2", "--body-timeout", "2", "--heartbeat",
         "1", "--max-connections", "2000", "--grace", "1")
GROWTH_MB = 2.0
BLOCKS, STUDENT = 10, 2.306  # the 97.5 % quantile of Student's t with BLOCKS - 2 degrees of freedom
PROMPT = 1.0  # seconds that a healthy client waits at most, 9 times of 10: other programs run here too
SPARE = 4  # descriptors that the database may open later
SETTLE = 15.0  # seconds in which all must be as before, when the clients are gone


class Soak:
    def __init__(self, server, seconds):
        self.server, self.port = server, server.port
        self.until = time.monotonic() + seconds
        self.samples, self.wrong = [], []
        self.count = {True: 0, False: 0}  # by honesty

    async def repeat(self, actor, honest):
        while time.monotonic() < self.until:
            try:
                await actor(self)
                self.count[honest] += 1
            except actors.Wrong as wrong:
                self.wrong.append(f"{actor.__name__}: {wrong}")
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                if honest:
                    self.wrong.append(f"{actor.__name__}: {error!r}")
            await asyncio.sleep(0.2 if honest else 0.05)

    async def sample(self):
        while time.monotonic() < self.until:
            self.samples.append((time.monotonic(), self.server.status("VmRSS") / 1024, self.server.descriptors(),
                                 self.server.status("Threads")))
            await asyncio.sleep(1)

    async def run(self):
        work = [self.repeat(actor, True) for actor, times in actors.HONEST for _ in range(times)]
        work += [self.repeat(actor, False) for actor, times in actors.HOSTILE for _ in range(times)]
        await asyncio.gather(self.sample(), *work)


def probe(server, until, took):
    """A healthy client in a process of its own, which is not as busy as that of all the others."""
    times = []
    while time.monotonic() < until:
        start = time.monotonic()
        status, _ = server.ask("GET", "/v1/stats")
        times.append((time.monotonic() - start) if status == 200 else float("inf"))
        time.sleep(0.05)
    took.put(sorted(times))


def slope(samples):
    """Of (seconds, value): least squares over the means of blocks; with half its 95 % interval."""
    size = len(samples) // BLOCKS
    blocks = [samples[i * size:(i + 1) * size] for i in range(BLOCKS)]
    xs = [sum(x for x, _ in block) / size for block in blocks]
    ys = [sum(y for _, y in block) / size for block in blocks]
    middle_x, middle_y = sum(xs) / BLOCKS, sum(ys) / BLOCKS
    spread = sum((x - middle_x) ** 2 for x in xs)
    rate = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys)) / spread
    rest = sum((y - middle_y - rate * (x - middle_x)) ** 2 for x, y in zip(xs, ys))
    return rate, STUDENT * math.sqrt(rest / (BLOCKS - 2) / spread)


def report_memory(soak):
    half = soak.samples[len(soak.samples) // 2:]
    rate, margin = slope([(at, rss) for at, rss, _, _ in half])
    grown = rate * (half[-1][0] - half[0][0])
    print(f"memory: {half[0][1]:.1f} MB at half time, {half[-1][1]:.1f} MB at the end, "
          f"{max(s[1] for s in soak.samples):.1f} MB at most")
    print(f"slope of the second half: {rate * 3600:+.1f} MB an hour, 95 % within {(rate - margin) * 3600:+.1f} to "
          f"{(rate + margin) * 3600:+.1f}; {grown:+.2f} MB in {half[-1][0] - half[0][0]:.0f} s")
    print(f"descriptors: {min(s[2] for s in half)} to {max(s[2] for s in half)}; "
          f"threads: {min(s[3] for s in half)} to {max(s[3] for s in half)}")
    return rate - margin > 0 and grown > GROWTH_MB


def settled(server, before):
    """All places left, all memory of requests given back, all descriptors closed."""
    until = time.monotonic() + SETTLE
    while True:
        after = {"connections": server.metric("errand_http_connections"),
                 "streams": server.metric("errand_sse_subscribers"), "held": server.metric("errand_http_held_bytes"),
                 "descriptors": server.descriptors()}
        fine = (after["connections"] == 1 and not after["streams"] and not after["held"]
                and after["descriptors"] <= before + SPARE)
        if fine or time.monotonic() > until:
            print(f"after it: {after}, descriptors before it: {before}")
            return fine
        time.sleep(0.5)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    server = Server(*FLAGS)
    server.ask("POST", "/v1/tasks?wait=30", {"function": "shout"})
    server.metric("errand_slots")
    before = server.descriptors()  # with all that it opens only when it is needed
    soak = Soak(server, seconds)
    took = multiprocessing.SimpleQueue()
    prober = multiprocessing.Process(target=probe, args=(server, soak.until, took))
    prober.start()
    asyncio.run(soak.run())
    latency = took.get()
    prober.join()
    slow = latency[len(latency) * 9 // 10]
    print(f"{seconds:.0f} s: {soak.count[True]} honest and {soak.count[False]} hostile turns")
    print(f"healthy requests: median {latency[len(latency) // 2] * 1000:.1f} ms, 9 of 10 in {slow * 1000:.0f} ms, "
          f"slowest {latency[-1] * 1000:.0f} ms")
    grows = report_memory(soak)
    smuggled = server.ask("GET", "/v1/tasks/smuggled")[0] != 404
    fine = settled(server, before)
    status = server.stop()
    for wrong in sorted(set(soak.wrong))[:20]:
        print(f"wrong, {soak.wrong.count(wrong)} times: {wrong}")
    verdicts = {"memory grows": grows, "answers were wrong": bool(soak.wrong), "healthy clients wait": slow > PROMPT,
                "a hidden request was obeyed": smuggled, "something is left behind": not fine,
                f"the server ended with {status}": status != 0}
    for verdict, bad in verdicts.items():
        if bad:
            print(f"FAILED: {verdict}")
    return any(verdicts.values())


sys.exit(main())

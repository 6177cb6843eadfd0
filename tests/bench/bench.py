#!/usr/bin/env python3
"""Measures lms-server against a bare Pistache server in one run; docs/benchmarks.md says how to read it. Run by run.sh."""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

import refusals
import report
from process import (Program, Trouble, busy_seconds, client_seconds, cores, finish_wrk, fsync_ms, start_wrk, wrk,
                     write_requests)
from school import School, raw

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONNECTIONS = 32
STORM = 64  # clients that sign in at once
BYSTANDERS = 4  # clients that ask for something else meanwhile

# What is asked of the server: what it is, and the trait that is measured with it.
READS = {
    "health": "GET /health",
    "course": "GET a course, anonymous",
    "courses": "GET the list of courses, anonymous",
    "me": "GET users/me, signed in",
    "lessons": "GET the lessons of a course, signed in",
}
WRITES = {
    "progress": "PUT progress in a lesson",
    "enroll": "POST an enrolment",
    "attempt": "POST an attempt with ten answers",
    "login": "POST a login",
}
# With few and with many enrolments in the school.
GROWTH = {
    "courses": "GET the list of courses",
    "own_course": "GET a course, signed in",
    "enrollments": "GET one's own enrolments",
    "roster": "GET the enrolments of a course, by its teacher",
    "progress": WRITES["progress"],
    "enroll": WRITES["enroll"],
}
PARTS = {
    "hello": "the bare Pistache server; measured whenever a request is",
    **READS,
    **WRITES,
    "refusals": "refused logins, by what they are refused for",
    "storm": f"what others wait while {STORM} clients sign in",
    "commits": "durable writes in one process, in shared commits and in commits of their own",
    "micro": "the pieces of a request one by one",
    "start": "start to the first answer, idle memory",
    "memory": "resident memory on the way to a million requests; with --quick to 100,000",
    "growth": "the same with 1,000 and with 1,000,000 enrolments; only with --large",
}
SIZE = {"users": 1_000, "courses": 200, "lessons": 20, "questions": 10}
FEW = {"users": 121, "courses": 1_000, "enrollments": 1_000}  # a hundred students, ten courses each as with MANY
MANY = {"users": 100_000, "courses": 1_000}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, options):
        self.options = options
        self.build = options.build.resolve()
        self.folder = (options.folder or self.build / "bench").resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.server = self.build / "server/lms-server"
        self.seconds = 2 if options.quick else 6
        self.rounds = 1 if options.quick else 3
        self.users = 500 if options.quick else 1_000
        self.wanted = options.names or [name for name in PARTS if name != "growth" or options.large]

    def wants(self, name):
        return name in self.wanted

    def school(self, name, size, settings=None):
        say(f"making the school {name}: {size}")
        begin = time.monotonic()
        school = School(self.server, self.folder / name, self.users, size, settings)
        say(f"  {time.monotonic() - begin:.1f} s, {len(school.tokens)} students signed in")
        return school

    # --- over HTTP ---

    def load(self, server, requests, once):
        """One measurement: wrk's figures with the processor time that the server took."""
        # Where each request can be sent only once, the warm-up and the measurement share them.
        first, rest = ("0:0.4", "0.4:1") if once else ("0:1", "0:1")
        warm = wrk(server.url, requests, 1, CONNECTIONS, first, once)
        seconds = self.seconds
        if once:
            seconds = max(1, min(seconds, int(0.75 * 0.6 * count_of(requests) / warm["requests"] * warm["seconds"])))
        server.finish_abandoned()
        before, busy, clients = server.cpu_seconds(), busy_seconds(), client_seconds()
        run = wrk(server.url, requests, seconds, CONNECTIONS, rest, once)
        run["cpu_seconds"] = server.cpu_seconds() - before
        others = busy_seconds() - busy - run["cpu_seconds"] - (client_seconds() - clients)
        run["others_percent"] = 100 * max(0, others) / run["seconds"] / cores()
        return run

    def hello(self):
        with Program([self.build / "tests/bench/bench-hello", str(cores())], self.folder) as server:
            server.url = server.address()
            requests = write_requests(self.folder / "hello.requests", [raw("GET", "/")])
            return self.load(server, requests, once=False)

    def ask(self, school, name):
        requests = school.folder / f"{name}.requests"
        if not requests.exists():
            write_requests(requests, getattr(school, name)())
        if name not in WRITES:
            with school.serve() as server:
                return self.load(server, requests, once=False)
        with school.serve(school.copy()) as server:
            disk = fsync_ms(self.folder)
            return self.load(server, requests, once=name == "enroll") | {"fsync_ms": disk}

    def http(self):
        names = [name for name in (*READS, *WRITES) if self.wants(name)]
        if not names and not self.wants("hello"):
            return {}
        school = self.school("school", SIZE) if names else None
        runs = {name: [] for name in ("hello", *names)}
        for number in range(self.rounds):
            for name, taken in runs.items():
                say(f"round {number + 1} of {self.rounds}: {name}")
                taken.append(self.hello() if name == "hello" else self.ask(school, name))
        figures = {name: summary(taken) for name, taken in runs.items()}
        for each in figures.values():
            each["times_hello"] = each["cpu_per_1000"] / figures["hello"]["cpu_per_1000"]
        return figures

    def growth(self):
        """PERF5, school beside school in every round."""
        if not self.wants("growth"):
            return {}
        settings = {"CACHE_ENABLED": "false"}  # a kept answer costs the same in any school
        schools = {"few": self.school("few", FEW, settings), "many": self.school("many", MANY, settings)}
        runs = {name: {size: [] for size in schools} for name in GROWTH}
        for number in range(self.rounds):
            for name, taken in runs.items():
                for size, school in schools.items():
                    say(f"round {number + 1} of {self.rounds}: {name} with {size} enrolments")
                    taken[size].append(self.ask(school, name))
        return {name: {size: summary(all_runs) for size, all_runs in taken.items()} for name, taken in runs.items()}

    def refusals(self):
        """AUTH3: whether time tells what a login is refused for."""
        if not self.wants("refusals"):
            return {}
        samples = 60 if self.options.quick else 400
        school = self.school("refusals", SIZE | {"courses": 2})
        say(f"refusals: {samples} of each kind")
        with school.serve(school.copy()) as server:
            return refusals.measure(server, school.students, school.admin, samples)

    def storm(self):
        """How long others wait while many sign in, beside how long they wait when nobody does."""
        if not self.wants("storm"):
            return {}
        school = self.school("storm", SIZE | {"courses": 2})
        half = len(school.tokens) // 2
        others = write_requests(school.folder / "others.requests", school.me()[:half])
        logins = write_requests(school.folder / "logins.requests", school.login()[half:])
        runs = {"calm": [], "storm": [], "logins": []}
        for number in range(self.rounds):
            say(f"round {number + 1} of {self.rounds}: storm")
            with school.serve(school.copy()) as server:
                wrk(server.url, others, 1, BYSTANDERS)
                runs["calm"].append(wrk(server.url, others, self.seconds, BYSTANDERS))
                storm = start_wrk(server.url, logins, self.seconds + 2, STORM)
                time.sleep(1)
                runs["storm"].append(wrk(server.url, others, self.seconds, BYSTANDERS))
                runs["logins"].append(finish_wrk(storm))
        return {name: {"per_second": statistics.median(run["requests"] / run["seconds"] for run in taken)} |
                      {figure: statistics.median(run[figure] for run in taken) for figure in ("p50_ms", "p99_ms")}
                for name, taken in runs.items()}

    # --- in process ---

    def commits(self):
        if not self.wants("commits"):
            return {}
        school = self.school("commits", SIZE | {"users": 200})
        runs = {"group": [], "single": []}
        for number in range(self.rounds):
            for mode, taken in runs.items():
                say(f"round {number + 1} of {self.rounds}: commits, {mode}")
                database, disk = school.copy(), fsync_ms(self.folder)
                output = self.program("bench-writes", mode, database, school.export, str(CONNECTIONS), str(self.seconds))
                taken.append(json.loads(output) | {"fsync_ms": disk})
        return {mode: summary(taken) for mode, taken in runs.items()}

    def micro(self):
        if not self.wants("micro"):
            return {}
        say("micro")
        output = self.program("bench-micro", "--benchmark_format=json",
                              f"--benchmark_min_time={0.1 if self.options.quick else 0.5}")
        pieces = json.loads(output)["benchmarks"]
        for piece in pieces:
            if piece.get("error_occurred"):
                raise Trouble(f"micro: {piece['name']}: {piece['error_message']}")
        return {piece["run_name"].removesuffix("/process_time"): piece["cpu_time"] / 1000 for piece in pieces}

    def program(self, name, *arguments):
        run = subprocess.run([self.build / "tests/bench" / name, *map(str, arguments)], cwd=self.folder,
                             capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Trouble(f"{name} failed: {run.stderr.strip()}")
        return run.stdout

    # --- start and memory ---

    def start(self):
        if not self.wants("start"):
            return {}
        school = self.school("start", SIZE)
        say("starts")
        starts = []
        for _ in range(3 if self.options.quick else 11):
            with school.serve() as server:
                starts.append(server.answered_after_ms)
        with school.serve() as server:
            time.sleep(1)
            idle = server.resident_mb()
        return {"first_answer_ms": statistics.median(starts), "idle_mb": idle}

    def memory(self):
        """PERF4: what a process keeps, the more requests it has answered."""
        if not self.wants("memory"):
            return {}
        school = self.school("memory", SIZE)
        requests = write_requests(school.folder / "mixture.requests", school.mixture())
        figures, answered = {}, 0
        with school.serve(school.copy()) as server:
            for goal in (100_000,) if self.options.quick else (100_000, 250_000, 500_000, 1_000_000):
                say(f"memory after {goal} requests")
                while answered < goal:
                    answered += wrk(server.url, requests, 1 if goal == 100_000 else 5, CONNECTIONS)["requests"]
                figures[f"after_{goal}_mb"] = server.resident_mb()
                figures[f"after_{goal}_own_mb"] = server.resident_mb("RssAnon")
        return figures

    # --- all of it ---

    def run(self):
        disk = subprocess.run(["stat", "-f", "-c", "%T", self.folder], capture_output=True, text=True, check=True).stdout.strip()
        if disk in ("tmpfs", "ramfs"):
            raise Trouble(f"{self.folder} is kept in memory, where no write is durable; name a folder on a disk with --folder")
        results = {
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "machine": machine(),
            "filesystem": disk,
            "quick": self.options.quick,
            "connections": CONNECTIONS,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "http": self.http(),
            "refusals": self.refusals(),
            "storm": self.storm(),
            "commits": self.commits(),
            "micro": self.micro(),
            "start": self.start(),
            "memory": self.memory(),
            "growth": self.growth(),
        }
        results["rows"] = report.rows(results)
        return results


def count_of(requests):
    """How many requests a file of them has."""
    count = 0
    with requests.open("rb") as file:
        while size := file.readline():
            file.seek(int(size), os.SEEK_CUR)
            count += 1
    return count


def summary(runs):
    """The median of the rounds, each figure for itself, with the rounds."""
    def median(of):
        return statistics.median(of(run) for run in runs)

    figures = {"cpu_per_1000": median(lambda run: run["cpu_seconds"] * 1000 / run["requests"]),
               "per_second": median(lambda run: run["requests"] / run["seconds"])}
    for name in ("p50_ms", "p99_ms", "others_percent", "fsync_ms"):
        if name in runs[0]:
            figures[name] = median(lambda run, name=name: run[name])
    return figures | {"rounds": runs}


def machine():
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return {"cores": cores(), "processor": model, "system": f"{platform.system()} {platform.release()}"}


def main():
    parser = argparse.ArgumentParser(
        prog="run.sh", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures lms-server against a bare Pistache server in one run.",
        epilog="names:\n" + "\n".join(f"  {name:10} {text}" for name, text in PARTS.items()))
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure; all unless given")
    parser.add_argument("--quick", action="store_true", help="measure for a shorter time, and once")
    parser.add_argument("--large", action="store_true", help="measure growth, too: some minutes more, 2 GB of disk")
    parser.add_argument("--folder", type=pathlib.Path, help="where schools are made; on a disk (build-bench/bench)")
    parser.add_argument("--json", type=pathlib.Path, help="where all figures go (build-bench/results.json)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-bench", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in options.names:
        if name not in PARTS:
            parser.error(f"there is no {name}; the names are {', '.join(PARTS)}")
    if "growth" in options.names and not options.large:
        parser.error("growth makes a school with a million enrolments: say --large, too")

    bench = Bench(options)
    path = options.json or bench.build / "results.json"
    try:
        results = bench.run()
    except Trouble as trouble:
        say(f"bench: {trouble}")
        return 1
    finally:
        for name in ("school", "refusals", "commits", "start", "memory", "few", "many"):
            shutil.rmtree(bench.folder / name, ignore_errors=True)
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(report.text(results, PARTS, GROWTH))
    say(f"all figures: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the figures say: a table, and the PERF rows one by one."""

PERF1 = {"course": 1.3, "me": 2.0, "lessons": 4.0}  # times the processor time of the bare server
PERF2_CPU = 0.06  # seconds per 1,000
PERF2_RATE = 10_000  # a second, where an fsync takes PERF2_FSYNC
PERF2_FSYNC = 0.12  # ms
PERF3 = {"check_token": 5.0, "recognize_token": 5.0, "find_kept_answer": 1.0, "check_rate_limit": 1.0,
         "answer_health": 20.0}  # µs
PERF3_NAMES = {"check_token": "verifying a token", "recognize_token": "verifying a token that was verified before",
               "find_kept_answer": "a cache hit in memory", "check_rate_limit": "a rate-limit check in memory",
               "answer_health": "the middleware stack (/health in process)"}
PERF4 = {"first_answer_ms": 100.0, "idle_mb": 25.0}
PERF4_NAMES = {"first_answer_ms": "start to the first answer", "idle_mb": "idle resident memory"}
PERF4_GROWTH = 1.05
PERF5 = 1.5
AUTH3 = 1.05  # times the usual refusal, and its inverse


def row(name, what, value, limit, unit, at_least=False):
    holds = value >= limit if at_least else value <= limit
    return {"row": name, "what": what, "value": value, "limit": limit, "unit": unit, "at_least": at_least, "holds": holds}


def rows(results):
    """A verdict on each PERF row of which there are figures."""
    found = []
    http, micro = results["http"], results["micro"]
    start = results["start"] | results["memory"]
    for name, limit in PERF1.items():
        if name in http:
            found.append(row("PERF1", name, http[name]["times_hello"], limit, "× hello"))
    for name in ("progress", "enroll", "attempt"):
        if name in http:
            found.append(row("PERF2", name, http[name]["cpu_per_1000"], PERF2_CPU, "CPU-s/1000"))
            found.append(row("PERF2", name, http[name]["per_second"], PERF2_RATE, "/s", at_least=True))
    for name, limit in PERF3.items():
        if name in micro:
            found.append(row("PERF3", PERF3_NAMES[name], micro[name], limit, "µs"))
    for name, limit in PERF4.items():
        if name in start:
            found.append(row("PERF4", PERF4_NAMES[name], start[name], limit, name.rsplit("_", 1)[1].replace("mb", "MB")))
    if "after_1000000_mb" in start:
        found.append(row("PERF4", "resident memory after 1,000,000 requests over that after 100,000",
                         start["after_1000000_mb"] / start["after_100000_mb"], PERF4_GROWTH, "×"))
    for case, figures in results["refusals"].items():
        if case != "wrong password":
            times = figures["times_wrong_password"]
            found.append(row("AUTH3", f"a login refused as {case}, or its inverse", max(times, 1 / times), AUTH3,
                             "× wrong password"))
    for name, sizes in results["growth"].items():
        found.append(row("PERF5", f"{name} with 1,000,000 enrolments over 1,000",
                         sizes["many"]["cpu_per_1000"] / sizes["few"]["cpu_per_1000"], PERF5, "×"))
    return found


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def verdict(found):
    by = found["value"] / found["limit"]
    if found["at_least"]:
        by = 1 / by
    spare = f"{abs(1 - by) * 100:.0f} % {'to spare' if found['holds'] else 'too much'}"
    if found["at_least"] and not found["holds"]:
        spare = f"{(1 - 1 / by) * 100:.0f} % too few"
    bound = "at least" if found["at_least"] else "at most"
    value, limit = number(found["value"]), number(found["limit"])
    return (f"  {found['row']}  {'holds' if found['holds'] else 'FAILS':6} {found['what']}: {value} {found['unit']}, "
            f"{bound} {limit} ({spare})")


def spread(figures):
    """How far the rounds lie apart, of the median."""
    values = [run["cpu_seconds"] * 1000 / run["requests"] for run in figures["rounds"]]
    return (max(values) - min(values)) / figures["cpu_per_1000"] * 100


def table(all_figures, names):
    lines = [f"  {'':10} {'CPU-s/1000':>10} {'× hello':>8} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'fsync ms':>9} {'spread':>8} {'others':>8}"]
    for name, figures in all_figures.items():
        ratio = f"{figures['times_hello']:8.2f}" if "times_hello" in figures else f"{'':8}"
        latency = "".join(f" {figures[part]:8.2f}" if part in figures else f" {'':8}" for part in ("p50_ms", "p99_ms"))
        disk = f" {figures['fsync_ms']:9.3f}" if "fsync_ms" in figures else f" {'':9}"
        others = f"{figures['others_percent']:6.0f} %" if "others_percent" in figures else f"{'':8}"
        lines.append(f"  {name:10} {figures['cpu_per_1000']:10.4f} {ratio} {figures['per_second']:9,.0f}{latency}{disk} "
                     f"{spread(figures):6.0f} % {others}  {names.get(name, '')}".rstrip())
    return lines


def text(results, names, growth_names):
    machine = results["machine"]
    lines = ["",
             f"{results['date']}, {machine['cores']} cores of {machine['processor']}, {machine['system']}, "
             f"{results['filesystem']}",
             f"{results['connections']} clients, {results['rounds']} round(s) of {results['seconds']} s, medians; spread: of the "
             "rounds' processor time; others: what other programs and the kernel took of the machine",
             "Server and clients share the cores: requests a second and latency would be better with clients elsewhere; "
             "processor time hardly changes."]
    if results["http"]:
        lines += ["", "Over HTTP"] + table(results["http"], names)
    if results["refusals"]:
        lines += ["", "Refused logins, ms and times that of a wrong password"]
        lines += [f"  {case:26} {figures['median_ms']:8.2f} {figures['times_wrong_password']:8.3f}"
                  for case, figures in results["refusals"].items()]
    if results["storm"]:
        lines += ["", "users/me by four clients, without and with 64 that sign in all the time; and these",
                  f"  {'':10} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8}"]
        lines += [f"  {name:10} {figures['per_second']:9,.0f} {figures['p50_ms']:8.2f} {figures['p99_ms']:8.2f}"
                  for name, figures in results["storm"].items()]
    if results["commits"]:
        lines += ["", "Durable writes in one process, 32 threads"]
        lines += table(results["commits"], {"group": "concurrent writes share a commit", "single": "a commit for each"})
    if results["micro"]:
        lines += ["", "Pieces, µs of processor time"]
        lines += [f"  {name:26} {value:8.3f}" for name, value in results["micro"].items()]
    if results["start"]:
        lines += ["", "Start"] + [f"  {name:26} {value:8.1f}" for name, value in results["start"].items()]
    if results["memory"]:
        lines += ["", "Resident memory; own: without what is mapped from files and shared"]
        lines += [f"  {name:26} {value:8.1f}" for name, value in results["memory"].items()]
    for name, sizes in results["growth"].items():
        lines += ["", f"{growth_names[name]}, with few and with many enrolments"] + table(sizes, {})
    lines += ["", "Rows"] + [verdict(found) for found in results["rows"]]
    slow = {name for name, figures in results["http"].items() if figures.get("fsync_ms", 0) > 1.25 * PERF2_FSYNC}
    if slow:
        lines.append(f"  The rates of PERF2 are for a disk whose fsync takes {PERF2_FSYNC} ms. This one was slower before "
                     f"{', '.join(sorted(slow))}, whose rates say more of the disk than of the server.")
    return "\n".join(lines)

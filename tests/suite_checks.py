"""The checks of suricata-verify's own tests, judged on what firedrill says. Used by `tests/parity checks`.

Each test runs under its own arguments and suricata.yaml; a test without one runs under Suricata's example configuration
($SURICATA_YAML, default /etc/suricata/suricata.yaml). Checks are evaluated as the suite's runner does it, on the events
that firedrill can give: alerts, drops, flows, and the counters of an IPS. Others are counted as not judgeable. firedrill
always judges as an IPS; a test that the suite runs as an IDS is judged with exceptions ignored, as an IDS does. Where one
fails, Suricata ($SURICATA, default the installed one, if any) is asked what it counts as an IPS.
"""
import collections, json, os, re, shlex, shutil, subprocess, tempfile
from concurrent.futures import ThreadPoolExecutor

VERSION = (7, 0, 10)
FEATURES = {"HAVE_JA3", "HAVE_JA4", "HAVE_LUA", "HAVE_LIBJANSSON", "LIBNET1.1", "HAVE_NSS", "MAGIC", "RUST"}
EXAMPLE = os.environ.get("SURICATA_YAML", "/etc/suricata/suricata.yaml")

SURICATA = os.environ.get("SURICATA") or shutil.which("suricata")

# Settings of logging and speed, which firedrill refuses because it does not know them.
WITHOUT_EFFECT = ("outputs.", "logging.", "stats.", "mpm-algo", "spm-algo", "detect.guess-applayer-tx",
                  "app-layer.protocols.http2.http1-rules",
                  "app-layer.protocols.http.libhtp.default-config.decompression-time-limit")

# Members of events that firedrill knows.
KNOWN = {
    "alert": {"event_type", "pcap_cnt", "proto", "src_ip", "src_port", "dest_ip", "dest_port", "direction",
              "alert.signature_id", "alert.signature", "alert.action", "alert.rev", "alert.gid", "alert"},
    "drop": {"event_type", "pcap_cnt", "drop.reason", "alert.signature_id", "verdict.action"},
    "flow": {"event_type", "proto", "src_ip", "src_port", "dest_ip", "dest_port", "app_proto", "flow.state",
             "flow.action", "flow.pkts_toserver", "flow.pkts_toclient", "flow.alerted", "tcp.state"},
    "stats": {"event_type", "stats.ips.accepted", "stats.ips.blocked", "stats.ips.rejected"},
}


def version(text):
    return tuple(int(part) for part in re.findall(r"\d+", str(text))) + (0, 0, 0)


def applies(requires):
    """Whether what a test or check asks of Suricata holds for the one that is simulated."""
    for key, wanted in (requires or {}).items():
        if key == "min-version" and version(wanted)[:3] > VERSION:
            return False
        if key == "lt-version" and VERSION >= version(wanted)[:3]:
            return False
        if key == "gt-version" and VERSION <= version(wanted)[:3]:
            return False
        if key == "features" and not set(wanted) <= FEATURES:
            return False
    return True


def get(event, path):
    """The member of a dotted path, and whether there is one."""
    here = event
    for part in path.split("."):
        name, *indexes = re.split(r"[\[\]]+", part)
        if not isinstance(here, dict) or name not in here:
            return None, False
        here = here[name]
        for index in filter(None, indexes):
            if not isinstance(here, list) or int(index) >= len(here):
                return None, False
            here = here[int(index)]
    return here, True


def matches(event, match):
    for key, wanted in match.items():
        if key == "has-key":
            if not get(event, wanted)[1]:
                return False
        elif key == "not-has-key":
            if get(event, wanted)[1]:
                return False
        else:
            value, there = get(event, key)
            if not there or str(value) != str(wanted):
                return False
    return True


def unknown_to_us(match):
    """What of a match firedrill cannot say; None when it can say all."""
    kind = match.get("event_type")
    if kind not in KNOWN:
        return "event_type %s" % kind
    for key, wanted in match.items():
        key = wanted if key in ("has-key", "not-has-key") else key
        if key not in KNOWN[kind]:
            return "%s in %s" % (key, kind)
    return None


def events_of(records, ids_mode, gids):
    events, alerted, verdicts = [], collections.Counter(), collections.Counter()
    for r in records:
        if r["type"] == "packet":
            verdicts[r["verdict"]] += 1
            if r["verdict"] != "pass" and not ids_mode:
                event = {"event_type": "drop", "pcap_cnt": r["n"], "drop": {"reason": r["reason"]},
                         "verdict": {"action": "drop"}}
                if "sid" in r:
                    event["alert"] = {"signature_id": r["sid"]}
                events.append(event)
        elif r["type"] == "alert":
            event = {"event_type": "alert", "alert": {
                "signature_id": r["sid"], "signature": r["msg"], "rev": r["rev"], "gid": gids.get(r["sid"], 1),
                "action": "allowed" if ids_mode else r["action"]}}
            if r["n"]:
                event["pcap_cnt"] = r["n"]
            for name, ours in (("proto", "proto"), ("src_ip", "src_ip"), ("src_port", "src_port"),
                               ("dest_ip", "dest_ip"), ("dest_port", "dest_port"), ("direction", "dir")):
                if r.get(ours) is not None:
                    event[name] = r[ours]
            alerted[ends(r)] += 1
            events.append(event)
        elif r["type"] == "flow":
            event = {"event_type": "flow", "proto": r["proto"], "tcp": {"state": r["tcp_state"]}, "flow": {
                "state": r["state"], "pkts_toserver": r["pkts_toserver"], "pkts_toclient": r["pkts_toclient"],
                "alerted": bool(alerted[ends(r)])}}
            for name in ("src_ip", "src_port", "dest_ip", "dest_port", "app_proto"):
                if r.get(name) is not None:
                    event[name] = r[name]
            if r["flow_action"]:
                event["flow"]["action"] = r["flow_action"]
            elif not ids_mode:
                event["flow"]["action"] = "accept"
            events.append(event)
    events.append({"event_type": "stats", "stats": {"ips": {
        "accepted": verdicts["pass"], "blocked": verdicts["drop"], "rejected": verdicts["reject"]}}})
    return events


def ends(r):
    return (r["proto"],) + tuple(sorted([(r["src_ip"] or "", r["src_port"] or 0), (r["dest_ip"] or "", r["dest_port"] or 0)]))


def arguments(test, ips, configured):
    """firedrill's options for a test's own arguments; `configured`: what its suricata.yaml says."""
    given = shlex.split(" ".join(test.get("args") or []))
    sets, ours, at = {}, [], 0
    while at < len(given):
        word = given[at]
        if word == "-k":
            at += 1
            sets["stream.checksum-validation"] = "no" if given[at] == "none" else "yes"
        elif word == "--set":
            at += 1
            key, _, value = given[at].partition("=")
            if not key.startswith(WITHOUT_EFFECT):
                sets[key] = value
        elif word not in ("--simulate-ips", "-v", "-vv", "-vvv"):
            ours.append(word)
        at += 1
    master = sets.get("exception-policy", configured.get("exception-policy", "auto"))
    if not ips and master in ("auto", "drop-flow", "drop-packet"):
        sets["exception-policy"] = "ignore"
    return ours, [word for key, value in sets.items() for word in ("--set", "%s=%s" % (key, value))]


def configuration(directory, yaml, into):
    """The suricata.yaml of a test without files that are not there to be included; and its parsed outputs."""
    path = os.path.join(directory, "suricata.yaml")
    if not os.path.exists(path):
        return EXAMPLE, {}
    text = open(path, encoding="utf-8").read()
    lines = [line for line in text.splitlines() if not (
        line.startswith("include:") and not os.path.exists(os.path.join(directory, line.split(":", 1)[1].strip())))]
    copy = os.path.join(into, "suricata.yaml")
    with open(copy, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    return copy, yaml.safe_load(text) or {}


def logs_all_drops(config):
    """Whether every dropped packet of a flow is in the log of drops; None when there is no such log."""
    outputs = config.get("outputs")
    if outputs is None:
        return True
    for output in outputs:
        for kind in (output.get("eve-log") or {}).get("types") or []:
            if kind == "drop":
                return False
            if isinstance(kind, dict) and "drop" in kind:
                return (kind["drop"] or {}).get("flows", "start") == "all"
    return None


def overwrites_addresses(config):
    """Whether the log of alerts shows other addresses than those of the packets."""
    kinds = [kind for output in config.get("outputs") or [] for kind in (output.get("eve-log") or {}).get("types") or []]
    alerts = [kind["alert"] or {} for kind in kinds if isinstance(kind, dict) and "alert" in kind]
    outputs = [output.get("eve-log") or {} for output in config.get("outputs") or []]
    return any((place.get("xff") or {}).get("mode") == "overwrite" for place in alerts + outputs)


class Verdict:
    def __init__(self, name):
        self.name, self.failed, self.judged, self.unknown, self.refused = name, [], 0, [], None
        self.as_ips = False


def judge(firedrill, directory, capture, name, ips):
    import yaml
    verdict = Verdict(name)
    folder = os.path.join(directory, "tests", name)
    test = yaml.safe_load(open(os.path.join(folder, "test.yaml"), encoding="utf-8"))
    if not applies(test.get("requires")):
        verdict.refused = "not for this version"
        return verdict
    rules = os.path.join(folder, "test.rules")
    with tempfile.TemporaryDirectory() as into:
        config, parsed = configuration(folder, yaml, into)
        rest, sets = arguments(test, ips, parsed)
        if rest:
            verdict.refused = "arguments %s" % " ".join(rest)
            return verdict
        run = subprocess.run([firedrill, "replay", rules, capture, "--format", "jsonl", "--suricata-yaml", config] + sets,
                             capture_output=True, text=True, timeout=120)
        if run.returncode not in (0, 3):
            verdict.refused = " ".join(run.stderr.split())[:300]
            return verdict
        gids = {}
        for rule in open(rules, encoding="utf-8", errors="replace"):
            sid, gid = re.search(r"\bsid\s*:\s*(\d+)", rule), re.search(r"\bgid\s*:\s*(\d+)", rule)
            if sid and gid:
                gids[int(sid.group(1))] = int(gid.group(1))
        events = events_of([json.loads(line) for line in run.stdout.splitlines() if line], not ips, gids)
        drops_all = logs_all_drops(parsed)
        wrong = []
        for check in test.get("checks") or []:
            if "filter" not in check:
                verdict.unknown.append("check %s" % next(iter(check)))
                continue
            check = check["filter"]
            if not applies(check.get("requires")):
                continue
            match = check["match"]
            why = unknown_to_us(match) or ("another log" if "filename" in check else None)
            if not why and overwrites_addresses(parsed) and {"src_ip", "dest_ip"} & set(match):
                why = "addresses that the log takes from a header"
            if not why and match["event_type"] == "drop" and drops_all is not True:
                why = "drop in a log of first drops"
            if why:
                verdict.unknown.append(why)
                continue
            verdict.judged += 1
            count = sum(matches(event, match) for event in events)
            if count != int(check["count"]):
                wrong.append((match, count))
                verdict.failed.append("%s is %d times there, wanted %s" % (json.dumps(match), count, check["count"]))
        if wrong and not ips and SURICATA:
            verdict.as_ips = as_an_ips(rules, capture, config, sets, wrong, into)
    return verdict


def as_an_ips(rules, capture, config, sets, wrong, into):
    """Whether Suricata itself counts as firedrill does once it is an IPS: then the test fails only by being for an IDS."""
    beside = os.path.dirname(EXAMPLE)
    subprocess.run([SURICATA, "-c", config, "-r", capture, "-S", rules, "-l", into, "--runmode", "single", "--simulate-ips",
                    "--set", "classification-file=%s/classification.config" % beside,
                    "--set", "reference-config-file=%s/reference.config" % beside] + sets,
                   capture_output=True, timeout=120)
    log = os.path.join(into, "eve.json")
    events = [json.loads(line) for line in open(log, encoding="utf-8", errors="replace")] if os.path.exists(log) else []
    for event in events:
        if event["event_type"] == "alert":
            event["alert"]["action"] = "allowed"
    # as an IDS it would have none
    events = [event for event in events if event["event_type"] != "drop"]
    return all(sum(matches(event, match) for event in events) == count for match, count in wrong)


def run(firedrill, corpus, show, only):
    directory = os.path.join(corpus, "suricata-verify")
    jobs = []
    for line in list(open(os.path.join(directory, "index.tsv")))[1:]:
        name, _, ips, capture, *_ = line.rstrip("\n").split("\t")
        if only in name:
            jobs.append((os.path.join(directory, capture), name, ips == "1"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(lambda job: judge(firedrill, directory, *job), jobs))
    refused = [v for v in verdicts if v.refused]
    failed = [v for v in verdicts if v.failed and not v.as_ips]
    as_ips = [v for v in verdicts if v.as_ips]
    unjudged = [v for v in verdicts if not v.refused and not v.judged]
    passed = [v for v in verdicts if v.judged and not v.failed]
    print("checks     %d of %d tests that can be judged pass their checks (%d checks, %d more not judgeable), "
          "%d do as Suricata does as an IPS; %d not judgeable, %d refused" % (
              len(passed), len(passed) + len(failed) + len(as_ips), sum(v.judged for v in verdicts),
              sum(len(v.unknown) for v in verdicts), len(as_ips), len(unjudged), len(refused)))
    for v in failed[:show]:
        print("    %s: %s" % (v.name, v.failed[0] + (" (and %d more)" % (len(v.failed) - 1) if v.failed[1:] else "")))
    if failed[show:]:
        print("    ... and %d more" % len(failed[show:]))
    if show > 10:
        for v in refused:
            print("    refused %s: %s" % (v.name, v.refused))
        for why, n in collections.Counter(why for v in verdicts for why in v.unknown).most_common():
            print("    not judgeable %4d  %s" % (n, why))
        print("    as an IPS: %s" % ", ".join(v.name for v in as_ips))
        print("    not judgeable at all: %s" % ", ".join(v.name for v in unjudged))
    return not failed

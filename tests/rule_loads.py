"""Which rules of collected rule files Suricata loads, and which firedrill does. Used by `tests/parity loads`.

Every rule counts on its own: equal rules once, each with a sid of its own, commented ones ("#alert tcp ...") too. Rules are
taken from the repository's rule files, from $CORPUS (rule sets, suricata-verify's rules, the rule strings in policies)
and from the folders in $RULE_FILES (separated by colons). Variables that they use are defined as some network and port.

$MUTATIONS is how many times each rule is tried with something changed at random ($SEED, default 1): an option taken away,
given twice, moved, taken from another rule; a number at an edge; a letter more or less.
"""
import collections, glob, os, random, re, subprocess, tempfile

RULE = re.compile(r"(?:alert|drop|pass|reject|rejectsrc|rejectdst|rejectboth|config)\s+\w[\w.-]*\s+\S.*?(?:->|<>|<-|=>).*?\(.*\)", re.S)
SID = re.compile(r"(?<![\w\"])sid\s*:\s*\d+")
DEFINED = {"HOME_NET", "EXTERNAL_NET"}


class Rule:
    def __init__(self, text, place):
        self.text, self.place = text, place


def rules_of(text, place):
    """Rules that stand on lines of their own, commented ones included."""
    text = re.sub(r"\\\r?\n[ \t]*", "", text)
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"^#\s*", "", line.strip())
        if RULE.fullmatch(line):
            yield Rule(line, "%s:%d" % (place, number))


def policy_rules(text, place):
    """Rules in the strings of a JSON, YAML or Terraform document: lines of them, whatever quotes them."""
    if place.endswith(".json"):
        text = re.sub(r"\\[nrt]", "\n", text).replace('\\"', '"').replace("\\\\", "\\")
    for number, line in enumerate(text.splitlines(), 1):
        found = RULE.search(line)
        if found and SID.search(found.group()) and "${" not in found.group():
            yield Rule(found.group(), "%s:%d" % (place, number))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def collections_of(root, corpus):
    """Name of a collection, and its rules."""
    def below(folder, pattern="**/*.rules"):
        for path in sorted(glob.glob(os.path.join(folder, pattern), recursive=True)):
            yield from rules_of(read(path), os.path.relpath(path, folder))

    yield "repository", [*below(os.path.join(root, "rules")), *below(os.path.join(root, "tests", "golden", "rules"))]
    yield "rule sets", list(below(os.path.join(corpus, "rulesets")))
    yield "suricata-verify", list(below(os.path.join(corpus, "suricata-verify")))
    policies = list(below(os.path.join(corpus, "policies")))
    for path in sorted(glob.glob(os.path.join(corpus, "policies", "*"))):
        if path.endswith((".json", ".yaml", ".yml", ".tf", ".tpl")):
            policies += policy_rules(read(path), os.path.basename(path))
    yield "policies", policies
    for folder in filter(None, os.environ.get("RULE_FILES", "").split(":")):
        yield os.path.basename(folder.rstrip("/")), list(below(folder))


def distinct(rules):
    """Each text once, under a sid of its own."""
    seen = set()
    for rule in rules:
        bare = SID.sub("sid:1", rule.text)
        if bare in seen:
            continue
        seen.add(bare)
        sids = SID.findall(rule.text)
        if len(sids) == 1:
            rule.text = SID.sub("sid:%d" % (100000 + len(seen)), rule.text)
        yield rule


EDGES = ["0", "1", "-1", "2", "255", "256", "65535", "65536", "4294967295", "4294967296", "18446744073709551616", "007", "0x1f", ""]
OPTION = re.compile(r"((?:[^;\\]|\\.)*;)")


def changed(r, text, others):
    """The rule with one thing changed."""
    head, _, rest = text.partition("(")
    options = OPTION.findall(rest.rstrip()[:-1])
    if not options:
        return text
    at = r.randrange(len(options))
    how = r.choice(["without", "twice", "moved", "another", "number", "number", "letter", "not", "word", "head"])
    if how == "without":
        del options[at]
    elif how == "twice":
        options.insert(r.randrange(len(options) + 1), options[at])
    elif how == "moved":
        options.insert(r.randrange(len(options)), options.pop(at))
    elif how == "another":
        of_other = OPTION.findall(r.choice(others).partition("(")[2].rstrip()[:-1])
        if of_other:
            options.insert(at, r.choice(of_other))
    elif how == "number":
        with_numbers = [n for n, option in enumerate(options) if re.search(r"\d", option) and "sid" not in option]
        if with_numbers:
            at = r.choice(with_numbers)
            found = r.choice(list(re.finditer(r"\d+", options[at])))
            options[at] = options[at][:found.start()] + r.choice(EDGES) + options[at][found.end():]
    elif how == "letter" and "sid" not in options[at]:
        place = r.randrange(len(options[at]))
        options[at] = options[at][:place] + r.choice(["", " ", ",", "!", ":", '"', "|", "x", "0"]) + options[at][place + r.choice([0, 1]):]
    elif how == "not":
        options[at] = options[at].replace(":", ":!", 1) if ":!" not in options[at] else options[at].replace(":!", ":", 1)
    elif how == "word":
        words = re.findall(r"[a-z_]{3,}", r.choice(others))
        found = list(re.finditer(r"[a-z_]{3,}", options[at]))
        if words and found and "sid" not in options[at]:
            found = r.choice(found)
            options[at] = options[at][:found.start()] + r.choice(words) + options[at][found.end():]
    elif how == "head":
        parts, other = head.split(), r.choice(others).partition("(")[0].split()
        if len(parts) == len(other) == 7:
            place = r.choice([1, 1, 1, 4, 2, 3, 5, 6])
            parts[place] = other[place]
            head = " ".join(parts) + " "
    return head + "(" + "".join(options) + ")"


def mutated(rules, times, seed):
    """Rules with something changed, none of them over several lines."""
    r = random.Random(seed)
    texts = [rule.text for rule in rules]
    for rule in rules:
        for _ in range(times):
            text = changed(r, rule.text, texts)
            if text != rule.text and "sid" in text and "\n" not in text:
                yield Rule(text, rule.place)


def variables(rules):
    """Arguments that define what the headers of rules name."""
    args, known = [], set(DEFINED)
    for rule in rules:
        parts = re.split(r"(?<=[\w\]\}])\s+|\s+", rule.text.split("(", 1)[0].strip())
        for number, part in enumerate(parts):
            for name in re.findall(r"\$(\w+)", part):
                if name not in known:
                    known.add(name)
                    is_port = number in (3, 6) or name.endswith(("PORT", "PORTS"))
                    args += ["--port-set", name + "=8000:8100"] if is_port else ["--ip-set", name + "=10.9.0.0/16"]
    return args


def refused_by_suricata(oracle, path, capture, args):
    """Line numbers with Suricata's reasons."""
    run = subprocess.run([oracle, "--pcap", capture, "--rules", path, "--no-crosscheck"] + args,
                         capture_output=True, text=True, errors="replace")
    found = re.findall(re.escape(path) + r":(\d+): (.*)", run.stderr)
    if run.returncode not in (0, 3) or (run.returncode == 3 and not found):
        raise SystemExit("parity: loads: %s" % run.stderr[-2000:])
    return {int(line): why for line, why in found}


def refused_by_firedrill(firedrill, path, lines, capture, args):
    """Line numbers with the diagnostics. What cannot be read hides what cannot be compiled, so it is asked again without."""
    refused, left = {}, dict(lines)
    while True:
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(left.get(number, "#") + "\n" for number in range(1, max(lines) + 1)))
        run = subprocess.run([firedrill, "replay", path, capture, "--color", "never"] + args, capture_output=True, text=True)
        found = re.findall(r"error\[(FD\d+)\]: ([^\n]*)(?:\n  [^\n]*)*?\n *--> " + re.escape(path) + r":(\d+)", run.stderr)
        new = {int(line): (code, message) for code, message, line in found if int(line) in left}
        if run.returncode in (0, 1, 3) and not new:
            return refused
        if not new:
            raise SystemExit("parity: loads: %s" % run.stderr[-2000:])
        refused.update(new)
        for line in new:
            left.pop(line)


def reason(code, message):
    """What a refusal is counted under."""
    return " ".join(re.findall(r"`([^`]*)`", message)[:1]) if code == "FD0601" else code


def run(firedrill, oracle, root, corpus, show, only):
    capture = os.path.join(root, "pcaps", "ping.pcap")
    countries = os.path.join(root, "tests", "golden", "geoip", "countries.mmdb")
    ok, times = True, int(os.environ.get("MUTATIONS", "0"))
    for name, found in collections_of(root, corpus):
        rules = [rule for rule in distinct(found) if only in rule.place]
        if times and rules:
            name, rules = name + ", changed", list(distinct(mutated(rules, times, os.environ.get("SEED", "1"))))
        if not rules:
            print("skipped: loads of %s (not present)" % name)
            continue
        lines = {number: rule.text for number, rule in enumerate(rules, 1)}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "all.rules")
            with open(path, "w", encoding="utf-8") as file:
                file.write("".join(text + "\n" for text in lines.values()))
            args = variables(rules)
            theirs = refused_by_suricata(oracle, path, capture, args + ["--set", "geoip-database=" + countries])
            ours = refused_by_firedrill(firedrill, path, lines, capture, args + ["--geoip", countries])
        not_evaluated = {n: why for n, why in ours.items() if n not in theirs and why[0] == "FD0601"}
        wrong = {n: why for n, why in ours.items() if n not in theirs and why[0] != "FD0601"}
        too_many = {n: why for n, why in theirs.items() if n not in ours}
        print("%-16s %5d rules; Suricata loads %d, firedrill %d: %d not evaluated, %d refused wrongly, %d accepted wrongly" % (
            name, len(rules), len(rules) - len(theirs), len(rules) - len(ours), len(not_evaluated), len(wrong), len(too_many)))
        counts = collections.Counter(reason(*why) for why in not_evaluated.values())
        if counts:
            print("    not evaluated: %s" % ", ".join("%s %d" % entry for entry in counts.most_common()))
        for title, listed in (("refused wrongly", wrong), ("accepted wrongly", too_many)):
            for number in list(listed)[:show]:
                why = listed[number]
                print("    %s: %s: %s\n        %s" % (title, rules[number - 1].place, why if isinstance(why, str) else ": ".join(why),
                                                    rules[number - 1].text[:300]))
            if len(listed) > show:
                print("    ... and %d more" % (len(listed) - show))
        ok &= not wrong and not too_many
    return ok

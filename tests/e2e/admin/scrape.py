"""Fetches a page of metrics, reads it with Prometheus's own reader, and prints it as JSON.

The reader is lenient in places, so what a strict one refuses is looked for here as well.
"""

import json
import re
import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

LINE = re.compile(r'^[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*\})? [0-9.]+$')


def check(text: str) -> None:
    assert text.endswith("\n"), "the last line has no end"
    series = set()
    for line in text.splitlines():
        if line.startswith("# "):
            assert re.match(r"^# (HELP|TYPE) [a-z_]+ \S", line), line
            continue
        assert LINE.match(line), line
        name = line.rsplit(" ", 1)[0]
        assert name not in series, f"{name} stands there twice"
        series.add(name)


def main(url: str) -> None:
    with urllib.request.urlopen(url, timeout=20) as answer:
        kind = answer.headers["content-type"]
        text = answer.read().decode()
    assert kind == "text/plain; version=0.0.4; charset=utf-8", kind
    check(text)
    families, samples = {}, {}
    for family in text_string_to_metric_families(text):
        assert family.documentation and family.type != "unknown", family
        assert family.name not in families, f"{family.name} stands there twice"
        families[family.name] = family.type
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            samples[f"{sample.name}{{{labels}}}"] = sample.value
    print(json.dumps({"families": families, "samples": samples}))


main(sys.argv[1])

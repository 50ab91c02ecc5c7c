"""gw as one of the proxies of a side-by-side load harness: its binary, and the configuration for a workload.

`variants(w, sh, c)` gets the workload's name, its shape and helpers that write files; [] is returned for what gw cannot do yet.
For C1 a variant has `update`, which adds one route: the files are written again, and gw takes them up by itself.
With GW_OBSERVED=1 in the environment there are two more, to lay beside it what looking costs: `gw-records` writes an access record for all
that passes, and of `gw-scraped` the metrics are asked for ten times a second. A gateway out of the mesh that speaks HTTP has one more,
`gw-sanitized`, which tells services nothing of the callers' certificates, as the references.
"""
import http.client
import json
import os
import shutil
import threading

BIN = os.environ.get("GW") or "target/release/gw"


def files(c, sh, n):
    """gw.toml and one file of entries: an ingress with n hosts, each with a router that sends one prefix to instances of its own."""
    protocol = "http2" if sh["up_h2"] else "http"
    mesh = sh["up"] == "mtls"
    routes = c.routes(n)
    entries = [{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": protocol}}]
    for host, prefix, i in routes:
        # All sidecars of the harness have one identity: they are subsets of one service.
        to = {"Service": "web", "ServiceSubset": f"s{i}"} if mesh else {"Service": f"back-{i}"}
        entries.append({"Kind": "service-router", "Name": f"front-{i}", "Routes": [
            {"Match": {"HTTP": {"PathPrefix": prefix}}, "Destination": {**to, "RequestTimeout": "-1s"}}]})
    if mesh:
        subsets = {f"s{i}": {"Filter": f'Service.Meta.i == "{i}"'} for _, _, i in routes}
        entries.append({"Kind": "service-resolver", "Name": "web", "Subsets": subsets})
    listener = {"Port": int(c.listen), "Protocol": protocol, "Services": [{"Name": f"front-{i}", "Hosts": [host]} for host, _, i in routes]}
    if sh["down"]:
        listener["TLS"] = {"Enabled": True}
    entries.append({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]})
    toml = ['entries = ["gw.d"]']
    if mesh:
        toml += [f'trust_domain = "{c.td}"', "[certs]", f'dir = "{identity(c)}"']
    toml += ["[[gateway]]", 'kind = "ingress"', 'name = "edge"', 'address = "0.0.0.0"']
    if sh["down"]:
        toml += ["[[certificate]]", f'cert = "{c.certs}/edge.pem"', f'key = "{c.certs}/edge.key"', 'hosts = ["*"]']
    if mesh:
        toml += ["[[service]]", 'name = "web"']
    for _, _, i in routes:
        if not mesh:
            toml += ["[[service]]", f'name = "back-{i}"']
        toml += ["[[service.instance]]", f'address = "{c.up(i)}:{sh["up_port"]}"']
        if mesh:
            toml += ["mesh = true", f'meta = {{ i = "{i}" }}']
    return {"gw.toml": "\n".join(toml) + "\n", "gw.d/entries.json": json.dumps(entries)}


def terminating(c, sh, _, more=()):
    """gw.toml and its entries: a gateway out of the mesh for one service, which ten callers may speak to and no other."""
    callers = ["api"] + [f"caller{n}" for n in range(9)]
    entries = [
        {"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "tcp" if sh["proto"] == "tcp" else "http"}},
        {"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "web"}]},
        {"Kind": "service-intentions", "Name": "web", "Sources": [{"Name": name, "Action": "allow"} for name in callers]},
        {"Kind": "service-resolver", "Name": "web", "RequestTimeout": "1h"}, *more]
    toml = ['entries = ["gw.d"]', 'default_intention = "deny"', f'trust_domain = "{c.td}"', "[certs]", f'dir = "{identity(c)}"',
            "[[gateway]]", 'kind = "terminating"', 'name = "exit"', f'address = "0.0.0.0:{c.listen}"',
            "[[service]]", 'name = "web"', "[[service.instance]]", f'address = "{c.up(0)}:{sh["up_port"]}"']
    return {"gw.toml": "\n".join(toml) + "\n", "gw.d/entries.json": json.dumps(entries)}


def mesh(c, sh, n):
    """gw.toml of a gateway between datacenters: nine names of ten are services of its own, the others datacenters."""
    toml = [f'trust_domain = "{c.td}"', "[[gateway]]", 'kind = "mesh"', 'name = "between"', f'address = "0.0.0.0:{c.listen}"']
    for name, i in c.names(n):
        at = f"{c.up(i)}:{sh['up_port']}"
        if name.startswith("*."):
            toml += ["[[datacenter]]", f'name = "{name.split(".")[1]}"', f'gateways = ["{at}"]']
        else:
            toml += ["[[service]]", f'name = "{name.split(".")[0]}"', "[[service.instance]]", f'address = "{at}"', "mesh = true"]
    return {"gw.toml": "\n".join(toml) + "\n"}


def config(c, sh, n):
    for name, text in {"terminating": terminating, "mesh": mesh}.get(sh["kind"], files)(c, sh, n).items():
        c.file(name, text)
    return os.path.join(str(c.dir), "gw.toml")


def beside(c, sh, n):
    """The files for n routes, written beside those in use."""
    return [(c.file(name + ".new", text), os.path.join(str(c.dir), name)) for name, text in files(c, sh, n).items()]


def update(c, sh, n):
    """One more route: both files are moved to their places together."""
    put(beside(c, sh, n))


def put(new):
    for path, place in new:
        os.rename(path, place)


def identity(c):
    """The harness's certificates under the names that gw looks for."""
    to = c.dir / "certs"
    os.makedirs(to, exist_ok=True)
    for made, name in (("ca.pem", "ca.pem"), ("gw.pem", "edge.pem"), ("gw.key", "edge-key.pem"), ("server.pem", "web.pem"), ("server.key", "web-key.pem")):
        shutil.copy(f"{c.certs}/{made}", to / name)
    return to


def variants(w, sh, c):
    if not os.path.exists(BIN):
        return []
    n = sh["routes"]
    v = {"name": "gw", "argv": [os.path.abspath(BIN), "run", "-c", config(c, sh, n), "--workers", "1"]}
    if sh["kind"] == "terminating":
        # Names come from the table of linked services alone.
        v["load"] = ["--sni", f"web.default.dc1.internal.{c.td}"]
    if w == "C1":
        # Written before the clock runs: for Python to make 3 MB of JSON and TOML takes longer than for gw to take them up.
        new = beside(c, sh, n + 1)
        v["update"] = lambda p: put(new)
    return [v, *sanitized(v, sh, c), *(observed(v, c) if os.environ.get("GW_OBSERVED") else [])]


def sanitized(v, sh, c):
    """The same without x-forwarded-client-cert, which is two kilobytes of each request and which no reference sends."""
    if sh["kind"] != "terminating" or sh["proto"] != "http":
        return []
    for name, text in terminating(c, sh, 0, [{"Kind": "mesh", "HTTP": {"SanitizeXForwardedClientCert": True}}]).items():
        c.file("sanitized/" + name, text)
    config = os.path.join(str(c.dir), "sanitized/gw.toml")
    return [{**v, "name": "gw-sanitized", "argv": [config if arg.endswith("gw.toml") else arg for arg in v["argv"]]}]


def observed(v, c):
    """The same with access records, and with its metrics scraped."""
    scraper = Scraper(c.load_core)
    return [{**v, "name": "gw-records", "argv": [*v["argv"], "--access-log", os.path.join(str(c.dir), "access.log")]},
            {**v, "name": "gw-scraped", "prepare": scraper.start, "after": scraper.stop}]


class Scraper:
    """Asks for the metrics every 100 ms, from a gateway's start to its end, on the processor of the load."""

    def __init__(self, core):
        self.core = int(core)

    def start(self):
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        # Of this thread alone.
        os.sched_setaffinity(0, {self.core})
        # One connection for all, as Prometheus has it; it is opened anew where it has ended.
        asked = http.client.HTTPConnection("127.0.0.1", 19000, timeout=1)
        while not self.ended.wait(0.1):
            try:
                asked.request("GET", "/metrics")
                asked.getresponse().read()
            except (OSError, http.client.HTTPException):
                # It does not listen yet, or no more.
                asked.close()
        asked.close()

    def stop(self):
        self.ended.set()
        self.thread.join()

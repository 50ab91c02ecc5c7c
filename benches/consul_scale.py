#!/usr/bin/env python3
"""gw beside a real Consul at scale: first sync, a change until it is in effect, memory, connections, CPU of the agent and of gw.

    CONSUL=consul benches/consul_scale.py --gw target/release/gw [--services 10,100,1000] [--repeat 9] [--kinds ingress,terminating]

For each number N a Consul of its own is started, with N services of three instances. Behind all instances stands one process: for the
ingress gateway it is every sidecar (TLS, the leaf of the service that the server name is of, as Consul issued it), for the terminating
gateway every service. "First sync" is the time from the start of the gateway's command until 20 services spread over the N have
answered, "first answer" the one of the first of them; a change is timed from just before it is sent to Consul until the first answer that shows it, asking all the time. CPU and
memory are those of /proc. Everything is on loopback, and ends with this script. Only the standard library is used.
"""
import argparse
import http.client
import json
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, is_so, seconds=120.0, pause=0.002):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(pause)


def cpu(pid):
    """Seconds of CPU that a process has used."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss(pid):
    """MiB of memory that a process has, and the most that it had."""
    with open(f"/proc/{pid}/status") as f:
        lines = dict(line.split(":", 1) for line in f)
    return tuple(int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))


def connections(pid, port):
    """How many open sockets of a process are connections to a port of loopback."""
    ours = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            link = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        if link.startswith("socket:["):
            ours.add(link[8:-1])
    count = 0
    with open("/proc/net/tcp") as f:
        for line in list(f)[1:]:
            part = line.split()
            if part[2].endswith(f":{port:04X}") and part[9] in ours:
                count += 1
    return count


class Consul:
    def __init__(self, program, folder, signs):
        self.ports = {"http": free_port(), "server": free_port(), "serf_lan": free_port(), "serf_wan": -1, "dns": -1, "grpc": -1}
        version = subprocess.run([program, "version"], capture_output=True, text=True).stdout.split()[1]
        self.version = version.lstrip("v")
        if signs:
            self.ports["grpc"] = free_port()
        if tuple(int(n) for n in self.version.split(".")[:2]) >= (1, 14):
            self.ports["grpc_tls"] = -1
        config = {"server": True, "bootstrap_expect": 1, "datacenter": "dc1", "node_name": "server", "data_dir": f"{folder}/data",
                  "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1", "ports": self.ports, "connect": {"enabled": True},
                  "enable_central_service_config": True, "disable_update_check": True, "performance": {"raft_multiplier": 1}}
        with open(f"{folder}/agent.json", "w") as f:
            json.dump(config, f)
        log = open(f"{folder}/agent.log", "w")
        self.process = subprocess.Popen([program, "agent", "-config-file", f"{folder}/agent.json"], stdout=log, stderr=log)
        self.connection = None
        until("Consul leads and has a CA", self.leads)

    def leads(self):
        try:
            return b"BEGIN CERT" in self.ask("GET", "/v1/agent/connect/ca/roots", tolerate=True)
        except OSError:
            return False

    def ask(self, method, path, body=None, tolerate=False):
        body = json.dumps(body) if body is not None else None
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=30)
            try:
                self.connection.request(method, path, body)
                answer = self.connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt == 2:
                    if tolerate:
                        return b""
                    raise
        if answer.status != 200 and not tolerate:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:200]}")
        return text

    def write(self, entry):
        self.ask("PUT", "/v1/config", entry)

    def end(self):
        self.process.kill()
        self.process.wait()


class Services:
    """One process that answers for all: with the name it is asked by in clear text, with the server name's service as its sidecar."""

    def __init__(self, consul, folder):
        self.consul, self.folder = consul, folder
        self.contexts, self.lock = {}, threading.Lock()
        self.clear, self.mesh = self.listen(None), self.listen(self.secure)

    def context(self, service):
        with self.lock:
            if service not in self.contexts:
                # A connection of its own: the other one may be in use.
                ask = http.client.HTTPConnection("127.0.0.1", self.consul.ports["http"], timeout=30)
                ask.request("GET", f"/v1/agent/connect/ca/leaf/{service}")
                leaf = json.loads(ask.getresponse().read())
                ask.close()
                path = f"{self.folder}/{service}.pem"
                with open(path, "w") as f:
                    f.write(leaf["CertPEM"] + leaf["PrivateKeyPEM"])
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(path)
                self.contexts[service] = context
            return self.contexts[service]

    def secure(self, client):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

        def by_name(tls, name, _):
            tls.context = self.context(name.split(".")[0])
        context.sni_callback = by_name
        return context.wrap_socket(client, server_side=True)

    def listen(self, secure):
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)

        def accept():
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self.serve, args=(client, secure), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()[1]

    def serve(self, client, secure):
        try:
            client = secure(client) if secure else client
            read = b""
            while True:
                while b"\r\n\r\n" not in read:
                    some = client.recv(65536)
                    if not some:
                        return
                    read += some
                head, read = read.split(b"\r\n\r\n", 1)
                body = head.split(b" ")[1]
                client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        except (OSError, ssl.SSLError):
            pass
        finally:
            client.close()


def get(port, host, path="/"):
    """Status and body of a GET on a connection of its own; (0, b""): none."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path, headers={"host": host, "connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""


class Client:
    """Somebody in the mesh who calls services behind a terminating gateway."""

    def __init__(self, consul, folder):
        roots = json.loads(consul.ask("GET", "/v1/agent/connect/ca/roots"))
        leaf = json.loads(consul.ask("GET", "/v1/agent/connect/ca/leaf/client"))
        with open(f"{folder}/client.pem", "w") as f:
            f.write(leaf["CertPEM"] + leaf["PrivateKeyPEM"])
        self.domain = roots["TrustDomain"]
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.load_verify_locations(cadata="".join(root["RootCert"] for root in roots["Roots"]))
        self.context.load_cert_chain(f"{folder}/client.pem")

    def get(self, port, service):
        name = f"{service}.default.dc1.internal.{self.domain}"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as raw, self.context.wrap_socket(raw, server_hostname=name) as tls:
                tls.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                read = b""
                while some := tls.recv(65536):
                    read += some
                return int(read.split(b" ", 2)[1]) if read.startswith(b"HTTP/1.1") else 0
        except (OSError, ssl.SSLError):
            return 0


def register(consul, name, number, services):
    """An instance of a service, with its sidecar; both have a check that is passing and never looks."""
    check = {"TTL": "24h", "Status": "passing"}
    sidecar = {"Address": "127.0.0.1", "Port": services.mesh, "Checks": [check]}
    consul.ask("PUT", "/v1/agent/service/register", {
        "ID": f"{name}-{number}", "Name": name, "Address": "127.0.0.1", "Port": services.clear, "Check": check,
        "Connect": {"SidecarService": sidecar}})


def register_all(consul, count, services):
    """Three instances of each service, on a node each, with their sidecars: in the catalog, for an agent takes its time."""
    for name in (f"s{n}" for n in range(count)):
        for node in (f"node-{number}" for number in range(3)):
            plain = {"ID": name, "Service": name, "Address": "127.0.0.1", "Port": services.clear}
            sidecar = {"Kind": "connect-proxy", "ID": f"{name}-sidecar-proxy", "Service": f"{name}-sidecar-proxy", "Address": "127.0.0.1",
                       "Port": services.mesh, "Proxy": {"DestinationServiceName": name, "DestinationServiceID": name}}
            for service in (plain, sidecar):
                check = {"CheckID": f"check-{service['ID']}", "Name": "alive", "Status": "passing", "ServiceID": service["ID"]}
                consul.ask("PUT", "/v1/catalog/register", {"Node": node, "Address": "127.0.0.1", "Service": service, "Check": check})


def median(times):
    return f"{statistics.median(times) * 1000:.0f} ms (most {max(times) * 1000:.0f})"


def timed(change, shows):
    start = time.monotonic()
    change()
    until("a change is in effect", shows, 30, 0.001)
    return time.monotonic() - start


def of_ingress(consul, services, port, repeat):
    """Changes that an ingress gateway shows: an instance comes and goes, a router."""
    came, went, routed = [], [], []
    for n in range(repeat):
        name = f"late-{n}"
        # The sidecar's leaf is there before: only the gateway is timed.
        services.context(name)
        shows = lambda: get(port, f"{name}.ingress.consul")[0] == 200
        came.append(timed(lambda: register(consul, name, 0, services), shows))
        routes = [{"Match": {"HTTP": {"PathPrefix": "/x"}}, "Destination": {"PrefixRewrite": f"/r{n}"}}]
        entry = {"Kind": "service-router", "Name": "s0", "Routes": routes}
        routed.append(timed(lambda: consul.write(entry), lambda: get(port, "s0.ingress.consul", "/x")[1] == b"/r%d" % n))
        deregister = lambda: consul.ask("PUT", f"/v1/agent/service/deregister/{name}-0")
        went.append(timed(deregister, lambda: get(port, f"{name}.ingress.consul")[0] != 200))
    return {"registered -> answers": median(came), "router -> in force": median(routed), "deregistered -> refused": median(went)}


def of_terminating(consul, client, port, repeat):
    """Changes that a terminating gateway shows: an intention comes and goes."""
    denied, allowed = [], []
    for _ in range(repeat):
        body = {"SourceName": "client", "DestinationName": "s0", "SourceType": "consul", "Action": "deny"}
        made = []
        deny = lambda: made.append(json.loads(consul.ask("POST", "/v1/connect/intentions", body))["ID"])
        denied.append(timed(deny, lambda: client.get(port, "s0") != 200))
        allow = lambda: consul.ask("DELETE", f"/v1/connect/intentions/{made[0]}")
        allowed.append(timed(allow, lambda: client.get(port, "s0") == 200))
    return {"deny -> refused": median(denied), "allow -> served": median(allowed)}


def measure(program, gw, kind, count, repeat, rest, registers, signs):
    folder = tempfile.mkdtemp(prefix="gw-scale-")
    consul, gateway = Consul(program, folder, signs), None
    try:
        services = Services(consul, folder)
        consul.write({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}})
        register_all(consul, count, services)
        port = free_port()
        spread = [f"s{n * count // min(20, count)}" for n in range(min(20, count))]
        client = Client(consul, folder)
        if kind == "ingress":
            for name in spread:
                services.context(name)
            listener = {"Port": port, "Protocol": "http", "Services": [{"Name": "*"}]}
            consul.write({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]})
            answers = lambda name: get(port, f"{name}.ingress.consul")[0] == 200
        else:
            consul.write({"Kind": "terminating-gateway", "Name": "edge", "Services": [{"Name": "*"}]})
            answers = lambda name: client.get(port, name) == 200
        time.sleep(3)  # what the registrations have left the agent to do
        before, start = cpu(consul.process.pid), time.monotonic()
        where = ["--address", "127.0.0.1" if kind == "ingress" else f"127.0.0.1:{port}"]
        command = [gw, kind, "--service", "edge", "--http-addr", f"127.0.0.1:{consul.ports['http']}", *where,
                   "--state-dir", f"{folder}/state", "--admin-bind", "127.0.0.1:0"]
        command += ["--register"] if registers else []
        command += ["--grpc-addr", f"127.0.0.1:{consul.ports['grpc']}"] if signs else []
        log = open(f"{folder}/gw.log", "w")
        gateway = subprocess.Popen(command, stdout=log, stderr=log)
        most, ended = [0], threading.Event()

        def look():
            while not ended.wait(0.002) and gateway.poll() is None:
                most[0] = max(most[0], connections(gateway.pid, consul.ports["http"]))
        threading.Thread(target=look, daemon=True).start()
        until(f"{spread[0]} answers", lambda: answers(spread[0]), 120)
        first = time.monotonic() - start
        for name in spread:
            until(f"{name} answers", lambda: answers(name), 120)
        out = {"first answer": f"{first:.2f} s", "first sync": f"{time.monotonic() - start:.2f} s", "gw CPU to there": f"{cpu(gateway.pid):.2f} s"}
        ended.set()
        time.sleep(max(0, 15 - (time.monotonic() - start)))
        out["agent CPU, 15 s"] = f"{cpu(consul.process.pid) - before:.2f} s"
        own, agent = cpu(gateway.pid), cpu(consul.process.pid)
        time.sleep(rest)
        out[f"at rest, {rest} s: gw / agent CPU"] = f"{cpu(gateway.pid) - own:.2f} / {cpu(consul.process.pid) - agent:.2f} s"
        out["connections at rest / most"] = f"{connections(gateway.pid, consul.ports['http'])} / {most[0]}"
        out["gw RSS / most"] = "{:.0f} / {:.0f} MiB".format(*rss(gateway.pid))
        own, agent = cpu(gateway.pid), cpu(consul.process.pid)
        changes = of_ingress(consul, services, port, repeat) if kind == "ingress" else of_terminating(consul, client, port, repeat)
        out.update(changes)
        number = repeat * len(changes)
        out["gw / agent CPU a change"] = "{:.0f} / {:.0f} ms".format(
            *((now - then) / number * 1000 for now, then in ((cpu(gateway.pid), own), (cpu(consul.process.pid), agent))))
        out["gw RSS after them, 5 s later"] = "{:.0f}".format(rss(gateway.pid)[0])
        time.sleep(5)
        out["gw RSS after them, 5 s later"] += ", {:.0f} MiB".format(rss(gateway.pid)[0])
        return consul.version, out
    except SystemExit:
        if os.path.exists(f"{folder}/gw.log"):
            with open(f"{folder}/gw.log") as f:
                print(f.read()[-3000:])
        raise
    finally:
        if gateway:
            gateway.kill()
            gateway.wait()
        consul.end()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--gw", default="target/release/gw")
    parse.add_argument("--services", default="10,100,1000")
    parse.add_argument("--kinds", default="ingress,terminating")
    parse.add_argument("--repeat", type=int, default=9)
    parse.add_argument("--rest", type=int, default=20, help="seconds of which CPU at rest is taken")
    parse.add_argument("--unregistered", action="store_true",
                       help="without --register: the agent of a registered gateway prepares by itself all that an Envoy would ask for")
    parse.add_argument("--signs", action="store_true", help="the server signs the gateway's own keys (--grpc-addr)")
    of = parse.parse_args()
    program = os.environ.get("CONSUL", "consul")
    for kind in of.kinds.split(","):
        for count in (int(n) for n in of.services.split(",")):
            version, out = measure(program, os.path.abspath(of.gw), kind, count, of.repeat, of.rest, not of.unregistered, of.signs)
            print(f"{kind}, {count} services of 3 instances, Consul {version}, load {os.getloadavg()[0]:.1f}")
            for what, figure in out.items():
                print(f"  {what:34} {figure}")


if __name__ == "__main__":
    main()

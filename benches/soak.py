#!/usr/bin/env python3
"""Load for a minute while the configuration changes every second: no request may fail, and memory has to stay where it is.

  cargo build --release && benches/soak.py [--secs 60] [--rps 10000] [--gw target/release/gw]

Needs nginx (the service) and h2load (the clients, from nghttp2-client). Prints what h2load counted, the generations that were
published, and the gateway's memory; exits 1 if a request failed or if the second half of the run took more memory than the first.
"""
import argparse, json, os, pathlib, re, socket, subprocess, tempfile, time, urllib.request

CONNECTIONS = 64


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    until = time.time() + 20
    while time.time() < until:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nobody listens on {port}")


def nginx(folder, port):
    conf = folder / "nginx.conf"
    conf.write_text(f"""daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "{'x' * 128}"; }} }} }}
""")
    return subprocess.Popen(["nginx", "-p", str(folder), "-c", str(conf), "-e", f"{folder}/nginx.log"])


def entries(folder, port, number):
    """A hundred services with a router each; every change gives all routes another answer header."""
    services = [{"Name": "front", "Hosts": ["*"]}] + [{"Name": f"s{n}", "Hosts": [f"s{n}.test"]} for n in range(100)]
    out = [{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}},
           {"Kind": "ingress-gateway", "Name": "edge", "Listeners": [{"Port": port, "Protocol": "http", "Services": services}]}]
    for name in [s["Name"] for s in services]:
        to = {"Service": "web", "ResponseHeaders": {"Set": {"x-number": str(number)}}}
        out.append({"Kind": "service-router", "Name": name, "Routes": [{"Match": {"HTTP": {"PathPrefix": "/"}}, "Destination": to}]})
    beside = folder / "gw.d" / "entries.new"
    beside.write_text(json.dumps(out))
    beside.rename(folder / "gw.d" / "entries.json")


def rss_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--gw", default="target/release/gw")
    a.add_argument("--secs", type=int, default=60)
    a.add_argument("--rps", type=int, default=10000)
    o = a.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "gw.d").mkdir()
        back, listen, admin = free_port(), free_port(), free_port()
        entries(folder, listen, 0)
        (folder / "gw.toml").write_text(f'entries = ["gw.d"]\n[[gateway]]\nkind = "ingress"\nname = "edge"\nadmin = "127.0.0.1:{admin}"\n'
                                        f'[[service]]\nname = "web"\n[[service.instance]]\naddress = "127.0.0.1:{back}"\n')
        running = [nginx(folder, back), subprocess.Popen([os.path.abspath(o.gw), "run", "-c", str(folder / "gw.toml")], stderr=subprocess.DEVNULL)]
        try:
            wait_for(back), wait_for(listen)
            load = subprocess.Popen(["h2load", "--h1", "-c", str(CONNECTIONS), "-t", "1", "-D", str(o.secs), f"--rps={o.rps / CONNECTIONS:.2f}",
                                     f"http://127.0.0.1:{listen}/"], stdout=subprocess.PIPE, text=True)
            memory, number = [], 0
            while load.poll() is None:
                time.sleep(1)
                number += 1
                entries(folder, listen, number)
                memory.append(rss_mib(running[1].pid))
            out = load.stdout.read()
            generation = json.load(urllib.request.urlopen(f"http://127.0.0.1:{admin}/v1/routes"))["gateways"][0]["generation"]
        finally:
            for process in running:
                process.terminate()
                process.wait()
        print("\n".join(line for line in out.splitlines() if line.startswith(("finished", "requests:", "status codes:", "time for request"))))
        half = len(memory) // 2
        first, second = max(memory[half // 2:half]), max(memory[half:])
        print(f"{number} changes, generation {generation}; memory {memory[0]:.1f} MiB at first, {first:.1f} at most up to half time, {second:.1f} after")
        counts = {k: int(v) for v, k in re.findall(r"(\d+) (\w+)", re.search(r"requests: (.*)", out)[1])}
        answered = int(re.search(r"status codes: (\d+) 2xx", out)[1])
        lost = counts["failed"] + counts["errored"] + counts["timeout"] + counts["done"] - answered
        if lost or second > first * 1.1 or generation < number / 2:
            raise SystemExit(f"{lost} requests were lost; or memory grew; or changes were not taken up")


main()

"""Who is compared: how each is started in front of the same provider, and which of its threads is
the one that is measured.

Each has one thread for its connections. It runs on core 0, alone; everything else (a master, helper
threads, the provider, the generator) on core 1.
"""

import os
import pathlib
import subprocess

import tools

LOOP_CORE, OTHER_CORE = {0}, {1}
CLIENTS = 9_950

# With fewer than a sixteenth of `worker_connections` free, nginx closes connections whose request has
# not come yet. So it has more of them than there are files, and warns of it.
NGINX_SLOTS = 32_768

NGINX = """
daemon off; worker_processes 1; worker_rlimit_nofile {files}; pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections {slots}; }}
http {{
  access_log off; server_tokens off; tcp_nodelay on;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 1000000000; keepalive_timeout 3600s;
  upstream provider {{
    server 127.0.0.1:{provider};
    keepalive 16384; keepalive_requests 1000000000; keepalive_timeout 3600s; keepalive_time 24h;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /healthz {{ default_type text/plain; return 200 "ok\\n"; }}
    location / {{
      proxy_pass {scheme}://provider; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 3600s;
      {tls}
    }}
  }}
}}
"""

NGINX_TLS = (
    "proxy_ssl_verify on; proxy_ssl_trusted_certificate {cert}; proxy_ssl_name localhost; "
    "proxy_ssl_protocols TLSv1.3;"
)

HAPROXY = """
global
  maxconn {clients}
  nbthread 1
defaults
  mode http
  timeout connect 60s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
  http-reuse always
  option http-no-delay
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  maxconn {clients}
  http-request return status 200 content-type text/plain string "ok" if {{ path /healthz }}
  default_backend provider
backend provider
  server provider 127.0.0.1:{provider} pool-max-conn -1 {tls}
"""

MAITRED = """
listen = "127.0.0.1:{port}"
data_dir = "{folder}/data"
default_provider = "provider"

[log]
level = "warn"

[limits]
keep_alive_ms = 3_600_000

{settings}
[provider.provider]
kind = "{speech}"
base_url = "{scheme}://127.0.0.1:{provider}{prefix}"
model = "m"
{tls}
"""


class Running:
    """A side that serves."""

    def __init__(self, child, pid, port):
        self.child, self.pid, self.port = child, pid, port

    def threads(self):
        """The other threads of its process, by name."""
        found = {}
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            if int(task.name) != self.pid:
                found[(task / "comm").read_text().strip()] = int(task.name)
        return found

    def pin(self):
        """The measured thread on its core, everything else on the other."""
        os.sched_setaffinity(self.pid, LOOP_CORE)
        for tid in self.threads().values():
            os.sched_setaffinity(tid, OTHER_CORE)

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def spawn(command, folder, cores=OTHER_CORE, **options):
    """Starts a program whose words go to a file."""
    log = open(folder / "log", "ab")
    return subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=options.pop("stdout", log), stderr=log,
        preexec_fn=lambda: os.sched_setaffinity(0, cores), **options,
    )


class Provider:
    """The simulator, on the core that is not measured."""

    def __init__(self, folder, arguments, cert=None):
        self.port = tools.free_port()
        folder.mkdir(parents=True, exist_ok=True)
        tls = ["--tls", *map(str, cert)] if cert else []
        listen = ["--listen", f"127.0.0.1:{self.port}"]
        command = [str(tools.SIMULATOR), *listen, *arguments, *tls]
        self.child = spawn(command, folder)
        self.cert = cert
        tools.wait_for(self.port)

    def stop(self):
        self.child.kill()
        self.child.wait()


def provider_fields(provider):
    return {"provider": provider.port, "scheme": "https" if provider.cert else "http"}


def command_of(side, folder, port, provider, row):
    """How to start a side, after its configuration is written."""
    fields = {"port": port, "folder": folder, "clients": CLIENTS, **provider_fields(provider)}
    cert = provider.cert[0] if provider.cert else None
    if side == "hyper":
        return [str(tools.HYPER), f"127.0.0.1:{port}", f"127.0.0.1:{provider.port}"]
    if side == "nginx":
        tls = NGINX_TLS.format(cert=cert) if cert else ""
        files = min(tools.raise_open_files(), 65_536)
        (folder / "nginx.conf").write_text(NGINX.format(
            tls=tls, files=files, slots=max(files, NGINX_SLOTS), **fields))
        nginx = tools.shutil.which("nginx", path="/usr/sbin:" + os.environ["PATH"])
        return [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    if side == "haproxy":
        tls = f"ssl verify required ca-file {cert} sni str(localhost)" if cert else ""
        (folder / "haproxy.cfg").write_text(HAPROXY.format(tls=tls, **fields))
        return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]
    tls = f'ca_file = "{cert}"' if cert else ""
    speech = row.speech if row else "openai"
    (folder / "maitred.toml").write_text(MAITRED.format(
        tls=tls, settings=row.settings if row else "", speech=speech,
        prefix="/v1" if speech == "openai" else "", **fields))
    return [str(tools.MAITRED), "--config", str(folder / "maitred.toml")]


def start(side, folder, provider, row=None, before=()):
    """Starts a side in a folder of its own, `before` (such as valgrind) in front of it."""
    folder.mkdir(parents=True, exist_ok=True)
    port = tools.free_port()
    command = command_of(side, folder, port, provider, row)
    if before and side == "nginx":
        command += ["-g", "master_process off;"]
    child = spawn([*before, *command], folder)
    tools.wait_for(port)
    pid = child.pid
    if side == "nginx" and not before:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        while not children.read_text().split():
            pass
        pid = int(children.read_text().split()[0])
    running = Running(child, pid, port)
    running.pin()
    return running


def work_of(side, kind):
    """What the generator asks a side for: a proxy is asked for what maitred asks the provider."""
    if kind in ("health", "chat", "chat-stream") or side == "maitred":
        return kind
    return {"generate": "chat", "stream": "chat-stream"}[kind]

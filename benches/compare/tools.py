"""What the comparison needs from the machine: programs, binaries, ports, certificates, facts."""

import os
import pathlib
import random
import resource
import shutil
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
RELEASE = TARGET / "release"
MAITRED = RELEASE / "maitred"
LOAD = RELEASE / "examples" / "load"
SIMULATOR = RELEASE / "examples" / "provider_sim"
HYPER_TARGET = TARGET / "compare" / "hyper"
HYPER = HYPER_TARGET / "release" / "hyper-side"

# Program -> Debian's package.
PACKAGES = {
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "strace": "strace",
    "valgrind": "valgrind",
    "openssl": "openssl",
}


def say(text):
    print(f"compare: {text}", file=sys.stderr, flush=True)


def has(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin") is not None


def install(programs):
    """Installs what is missing, where that is possible, and returns what is there."""
    missing = [program for program in programs if not has(program)]
    packages = [PACKAGES[program] for program in missing]
    if missing and os.geteuid() == 0 and has("apt-get"):
        say(f"installing {' '.join(packages)}")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "-qq", "update"], env=environment, check=False, **quiet)
        subprocess.run(
            ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages],
            env=environment, check=False, **quiet,
        )
    for program in missing:
        if not has(program):
            say(f"{program} is not here and could not be installed: what needs it is left out "
                f"(Debian: apt-get install {PACKAGES[program]})")
    return {program for program in programs if has(program)}


def build(with_hyper):
    """Builds what is measured and what measures it."""
    cargo = os.environ.get("CARGO", "cargo").split()
    subprocess.run(
        [*cargo, "build", "--release", "--quiet", "--bin", "maitred",
         "--example", "load", "--example", "provider_sim"], cwd=ROOT, check=True,
    )
    if with_hyper:
        subprocess.run(
            [*cargo, "build", "--release", "--quiet", "--target-dir", str(HYPER_TARGET),
             "--manifest-path", "benches/compare/hyper/Cargo.toml"], cwd=ROOT, check=True,
        )


def raise_open_files():
    """Both ends of 9,900 connections need 19,800 files in a proxy."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (1 << 17, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
            break
        except (ValueError, OSError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def free_port():
    """A port that nobody listens on, below those that the kernel gives to outgoing connections:
    among ten thousand of them one would take it before the program that it is meant for."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_for(port, patience_s=20.0):
    """Waits until somebody listens; how many seconds it took."""
    begun = time.monotonic()
    while time.monotonic() - begun < patience_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return time.monotonic() - begun
        time.sleep(0.0005)
    raise RuntimeError(f"nobody listens on port {port}")


def certificate(folder):
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-addext", "basicConstraints=critical,CA:FALSE",
         "-keyout", str(key), "-out", str(cert)],
        check=True, stderr=subprocess.DEVNULL,
    )
    return cert, key


def output(*command):
    """What a command says, or nothing if it cannot be run."""
    try:
        done = subprocess.run(command, cwd=ROOT, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.strip()
    except OSError:
        return ""


def machine():
    """What has to be known about where it was measured."""
    cpu = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line]
    memory = next(line for line in open("/proc/meminfo")).split()[1]
    return {
        "cpu": cpu[0] if cpu else "unknown",
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory) / 1048576, 1),
        "kernel": os.uname().release,
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "load_average": os.getloadavg()[0],
    }


def versions(sides):
    """Who was compared."""
    found = {"maitred": output(str(MAITRED), "--version"), "rustc": output("rustc", "--version")}
    if "nginx" in sides:
        found["nginx"] = output("/usr/sbin/nginx", "-v").split(": ")[-1]
    if "haproxy" in sides:
        found["haproxy"] = output("haproxy", "-v").split("\n")[0]
    if "hyper" in sides:
        lock = (ROOT / "benches/compare/hyper/Cargo.lock").read_text()
        found["hyper"] = lock.split('name = "hyper"\nversion = "')[1].split('"')[0]
    return found


def binary_mib():
    """maitred's size without and with what debuggers and profilers need."""
    size = MAITRED.stat().st_size
    stripped = TARGET / "compare" / "stripped"
    if has("strip"):
        subprocess.run(["strip", "-o", str(stripped), str(MAITRED)], check=True)
        size = stripped.stat().st_size
        stripped.unlink()
    return {"stripped": round(size / 1048576, 2),
            "built": round(MAITRED.stat().st_size / 1048576, 2)}


def commit():
    changed = output("git", "status", "--porcelain", "--untracked-files=no", "src", "Cargo.lock")
    return output("git", "rev-parse", "--short=10", "HEAD") + (" and changes" if changed else "")

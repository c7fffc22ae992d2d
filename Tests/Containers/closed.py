"""How the containers are closed, and what is in the images."""

import json
import subprocess

from project import LASTING, PROGRAMS, call, check
from stack import Failure, read

MEGABYTE = 1_000_000
BASE = "debian:bookworm-slim"


def hardened(run):
    secrets = run.project.secrets()
    found = run.project.containers()
    check({each.service for each in found} == {*LASTING, "job-migrate", "secrets"}, "not the services one expects")
    for each in found:
        check_container(each)
        leaks = [secret for secret in secrets if secret in json.dumps(each.found)]
        check(not leaks, f"docker inspect {each.name} shows a secret")
    for each in found:
        if each.state["Running"]:
            check_process(each)
    run.note("every container", "not root, read-only, no capabilities, no-new-privileges, init, limits, log rotation")
    check_secrets(run, secrets)
    check_networks(run)
    check_roles(run)


def check_container(container):
    host, config = container.found["HostConfig"], container.found["Config"]
    for name, holds in {
            "user": config["User"] not in ("", "0", "root"),
            "read-only root": host["ReadonlyRootfs"],
            "capabilities": host["CapDrop"] == ["ALL"] and not host["CapAdd"] and not host["Privileged"],
            "no-new-privileges": any("no-new-privileges" in each for each in host["SecurityOpt"] or []),
            "init": host["Init"] is True,
            "memory limit": 0 < host["Memory"] <= 2 << 30,
            "limit of processes": 0 < (host["PidsLimit"] or 0) <= 1024,
            "restart policy": host["RestartPolicy"]["Name"] in ("unless-stopped", "on-failure"),
            "log rotation": host["LogConfig"]["Config"].get("max-size") and host["LogConfig"]["Config"].get("max-file"),
            "healthcheck": config.get("Healthcheck") or container.service not in LASTING,
            "grace": (config.get("StopTimeout") or 0) >= (36 if container.service == "job-worker" else 10)
            or container.service not in LASTING,
            "mounts": all(mount["Type"] in ("volume", "tmpfs") for mount in container.found["Mounts"]),
    }.items():
        check(holds, f"{container.name}: {name}")


def check_process(container):
    status = dict(
        line.split(":", 1) for line in read(f"/proc/{container.process}/status").splitlines() if ":" in line)
    check("0" not in status["Uid"].split(), f"{container.name} runs as root")
    check(int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, f"{container.name} has capabilities")
    check(status["NoNewPrivs"].strip() == "1", f"{container.name} may get privileges")


def check_secrets(run, secrets):
    images = sorted({each.found["Image"] for each in run.project.containers()})
    history = "".join(call(["docker", "history", "--no-trunc", each], 30) for each in images)
    # `docker compose logs` leaves out a last line that does not end.
    logs = "".join(call(f"docker logs {each.id} 2>&1", 60, shell=True) for each in run.project.containers())
    config = run.project.compose("config")
    for name, text in {"docker history": history, "the logs": logs, "docker compose config": config}.items():
        check(not [secret for secret in secrets if secret in text], f"{name}: a secret")
    patterns = run.work / "secrets"
    patterns.write_text("\n".join(secrets))
    ours = " ".join(each.found["Image"] for each in run.project.containers(*PROGRAMS))
    layers = subprocess.run(
        f"docker save {ours} | grep --quiet --text --fixed-strings --file {patterns}", shell=True,
        timeout=120)
    check(layers.returncode == 1, "a layer of an image has a secret")
    # The same search has to find them where they are.
    held = subprocess.run(
        f"docker compose cp postgres:/run/secrets - | grep --quiet --text --fixed-strings --file {patterns}",
        shell=True, timeout=60, stderr=subprocess.DEVNULL, cwd=run.project.directory,
        env=run.project.environment)
    check(held.returncode == 0, "the search for secrets finds none where they are")
    where = "in no environment, label, log, history of an image, or layer of ours"
    run.note(f"{len(secrets)} secrets", where, "none")


def check_networks(run):
    for each in run.project.containers(*LASTING):
        bound = [binding for bindings in each.found["NetworkSettings"]["Ports"].values() for binding in bindings or []]
        check({binding["HostIp"] for binding in bound} == ({"127.0.0.1"} if each.service == "nginx" else set()),
              f"{each.name} is bound to {bound}")
        routes = [line.split()[1] for line in read(f"/proc/{each.init}/net/route").splitlines()]
        check(("00000000" in routes) == (each.service == "nginx"), f"{each.name} has the routes {routes}")

    def reaches(service, host, port):
        words = ["exec", "-T", service, "bash", "-c", f"timeout 1 bash -c '</dev/tcp/{host}/{port}'"]
        try:
            run.project.compose(*words)
            return True
        except Failure:
            return False

    addresses = {
        each.service: [network["IPAddress"] for network in each.found["NetworkSettings"]["Networks"].values()]
        for each in run.project.containers()}
    may = {
        ("nginx", "job-fcgi", 9000), ("nginx", "job-fcgi-standby", 9000), ("job-fcgi", "postgres", 5432),
        ("job-fcgi", "redis", 6379), ("job-worker", "postgres", 5432), ("job-worker", "redis", 6379)}
    ports = {"job-fcgi": 9000, "job-fcgi-standby": 9000, "postgres": 5432, "redis": 6379, "nginx": 8080}
    refused = 0
    for source in ("nginx", "job-fcgi", "job-worker", "postgres", "redis"):
        for target, port in ports.items():
            # Of what the stores may not reach, only the responders are in a network with them.
            if source in ("postgres", "redis") and not target.startswith("job-fcgi"):
                continue
            # nginx and the responders share a network, which is theirs alone.
            if target == source or source == "job-fcgi" and target in ("nginx", "job-fcgi-standby"):
                continue
            if (source, target, port) in may:
                check(reaches(source, target, port), f"{source} does not reach {target}")
                continue
            for host in (target, *addresses[target]):
                check(not reaches(source, host, port), f"{source} reaches {target} at {host}")
                refused += 1
    run.note("networks", f"{len(may)} ways that are needed are open, {refused} others are shut", "nginx: job-fcgi only")


def check_roles(run):
    users = run.project.sql(
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'job-%' ORDER BY 1")
    check(users == ["job_fcgi", "job_worker"], f"the programs are {users}")
    told = run.project.compose(
        "exec", "-T", "postgres", "sh", "-c", "psql -h postgres -U postgres -d jobs -c 'SELECT 1' 2>&1 || true")
    check("no pg_hba.conf entry" in told, f"the superuser from another host: {told}")
    told = run.project.compose("exec", "-T", "redis", "redis-cli", "ping")
    check("NOAUTH" in told, f"Redis answers without a password: {told}")
    run.note("roles in PostgreSQL", f"{', '.join(users)}; the superuser from inside its container only")


def image(run):
    base = json.loads(call(["docker", "image", "inspect", BASE], 30))[0]["Size"]
    basis = set(call(["docker", "run", "--rm", BASE, "dpkg-query", "--show", "--showformat=${Package}\n"], 60).split())
    for program in PROGRAMS:
        (container, *_) = run.project.containers(program)
        found = json.loads(call(["docker", "image", "inspect", container.found["Image"]], 30))[0]
        extra = found["Size"] - base
        check(extra <= 60 * MEGABYTE, f"{program} is {extra} bytes larger than {BASE}")
        label = "org.opencontainers.image."
        check({label + "title", label + "version", label + "licenses"} <= set(found["Config"]["Labels"]), "labels")
        within = ["docker", "run", "--rm", "--entrypoint"]
        packages = call([*within, "dpkg-query", container.found["Image"], "--show", "--showformat=${Package}\n"], 60)
        added = sorted(set(packages.split()) - basis)
        check(added and all(each.startswith("lib") for each in added), f"{program} has {added}")
        linked = call([*within, "ldd", container.found["Image"], f"/usr/local/bin/{program}"], 60)
        check("libpq" in linked and "swift" not in linked, f"{program} is linked with {linked}")
        run.note(f"{program}: image", f"{extra / MEGABYTE:.0f} MB above {BASE}, {len(added)} libraries", "≤ 60 MB")

    listed = run.project.run("docker compose run --rm --no-deps --entrypoint dpkg-query job-worker --show")
    check("libpq5" in listed, f"the list of packages is {listed}")

"""From a fresh clone to a service that answers, as docs/docker.md says it; beside another, and gone again."""

import json
import re
import shutil
import signal
import subprocess
import time

from load import Client, Records
from project import LASTING, Project, call, check
from stack import ROOT, wait_until


def start(run):
    run.project.clone()
    config(run)
    began = time.time()
    run.project.run("docker compose build", timeout=600)
    run.note("docker compose build", f"{time.time() - began:.1f} s")
    began = time.time()
    run.project.run("docker compose up -d --wait", timeout=300)
    run.note("docker compose up -d --wait, from nothing", f"{time.time() - began:.1f} s")
    original_commands(run)
    for command in ("docker compose ps", "docker compose logs job-worker"):
        check("job-worker" in run.project.run(command), f"{command} does not tell of job-worker")
    told = run.project.run("docker compose exec postgres psql jobs", input="SELECT status FROM jobs")
    check("success" in told, f"psql says {told}")


def config(run):
    done = subprocess.run(
        ["docker", "compose", "config"], cwd=run.project.directory, env=run.project.environment, timeout=60,
        capture_output=True, text=True)
    check(done.returncode == 0 and not done.stderr, f"docker compose config: {done.stderr}")
    plain = {name: value for name, value in run.project.environment.items() if name != "PORT"}
    found = json.loads(call(
        ["docker", "compose", "config", "--format", "json"], 60, cwd=run.project.directory, env=plain))
    (port,) = found["services"]["nginx"]["ports"]
    check((port["host_ip"], port["published"]) == ("127.0.0.1", "3000"), f"nginx is published as {port}")
    published = [name for name, service in found["services"].items() if service.get("ports")]
    check(published == ["nginx"], f"{published} are published")
    run.note("docker compose config", "clean; publishes 127.0.0.1:3000 of nginx alone", "clean")


def original_commands(run):
    post = (
        "curl --location --request POST 'localhost:3000/v1/jobs' --header 'Content-Type: application/json' "
        """--data-raw '{ "object_id": 1 }'""")
    get = "curl --location --request GET 'localhost:3000/v1/jobs/1'"
    check(run.project.run(post) == '{"job_id":1}', "the first POST is not answered with job 1")
    wait_until(30, "job 1 has run", lambda: json.loads(run.project.run(get))["status"] == "success", 0.2)
    run.note("the two curl commands", "job 1, success")


def foreground(run):
    """`docker-compose`, with the dash, is the same program by its older name; where there is none of it, it is lent."""
    run.project.run("docker compose down")
    if not shutil.which("docker-compose"):
        plugins = json.loads(call(["docker", "info", "--format", "{{json .ClientInfo.Plugins}}"], 30))
        (path,) = (each["Path"] for each in plugins if each["Name"] == "compose")
        (run.work / "bin").mkdir()
        (run.work / "bin/docker-compose").symlink_to(path)
        run.project.environment["PATH"] = f"{run.work / 'bin'}:{run.project.environment['PATH']}"
    for command, counts in (
            ("docker compose up", {}), ("docker-compose up", {}),
            ("docker-compose up --scale job-worker=4", {"job-worker": 4})):
        began = time.time()
        process = run.project.start(command)
        try:
            expected = {**dict.fromkeys(LASTING, 1), **counts}
            wait_until(90, f"all is well after {command}", lambda: run.project.is_well(expected), 0.3)
            seconds = time.time() - began
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(90)
        running = [each.name for each in run.project.containers() if each.state["Running"]]
        check(not running, f"Ctrl-C has left {running}")
        run.note(command, f"healthy after {seconds:.1f} s; Ctrl-C stops all")
    run.project.run("docker compose up -d --wait --scale job-worker=4 --scale job-fcgi=3")
    check(run.project.is_well({"job-worker": 4, "job-fcgi": 3}), "not 4 job-worker and 3 job-fcgi")
    run.note("up -d --wait --scale job-worker=4 --scale job-fcgi=3", "4 and 3, healthy")
    run.project.run("docker compose up -d --wait")


def keep(run):
    client = Client(run.project.port, Records())
    waiting = [client.post(2_000_000_000 + number).job_id for number in range(200)]
    client.close()
    run.project.run("docker compose down")
    left = [each for each in run.project.left() if each.startswith(("container", "network"))]
    check(not left, f"down has left {left}")
    run.project.run("docker compose up -d --wait")
    check(all(waiting), "not every job was taken")
    ids = ",".join(map(str, waiting))
    kept = int(run.project.sql(f"SELECT count(*) FROM jobs WHERE id IN ({ids})")[0])
    check(kept == len(waiting), f"{kept} of {len(waiting)} jobs")
    ended = f"SELECT count(*) FROM jobs WHERE id IN ({ids}) AND status = 'success'"
    wait_until(60, "they have run", lambda: run.project.sql(ended) == [str(len(waiting))], 0.3)
    run.note("down, up", f"{kept} of {len(waiting)} jobs are kept, and have run", "every job")


def handler(run):
    for path, text in handler_files().items():
        (run.project.directory / path).parent.mkdir(exist_ok=True)
        (run.project.directory / path).write_text(text)
    taken = call(["docker", "images", "--quiet", "job-worker"], 30)
    check(not taken, "the command of docs/docker.md would replace your image job-worker: docker rmi job-worker")
    run.tags.append("job-worker")
    run.project.run("docker build --target job-worker --tag job-worker .", timeout=300)
    run.project.run("docker compose up -d --no-deps --build job-worker", timeout=300)
    wait_until(60, "the worker is well", lambda: run.project.is_well({"job-worker": 1}), 0.2)
    client = Client(run.project.port, Records())
    for number, expected in ((1_500_000, ("success", None)), (-1_500_000, ("failed", "object -1500000 is bad"))):
        told = client.post(number).job_id
        final = wait_until(30, f"job {told} has run", lambda: client.get(told).final, 0.1)
        check((final[0], final[2]) == expected, f"the handler's job came to {final}")
    client.close()
    (run.project.directory / "docker-compose.override.yml").unlink()
    run.project.run("docker compose up -d --no-deps --build job-worker", timeout=300)
    run.note("a Python handler, FROM job-worker", "success, and failed with its message")


def beside(run):
    run.second.clone()
    before = {each.life for each in run.project.containers()}
    run.second.run("PORT=3001 docker compose up -d --wait", timeout=300)
    for project, expected in ((run.second, 1), (run.project, None)):
        client = Client(project.port, Records())
        told = client.post(1_999_999_999).job_id
        check(told == expected or expected is None and told > 1, f"{project.name} answers with job {told}")
        client.close()
    run.second.run("docker compose down -v --rmi local")
    run.second.remove()
    after = {each.life for each in run.project.containers()}
    check(after == before, "the second has disturbed the first")
    run.probe()
    run.note("a second clone beside the first", "its own jobs, its own end; the first goes on", "runs")


def repository_tests(run):
    began = time.time()
    output = run.project.run("docker compose run --rm tests", timeout=900)
    ran = sum(map(int, re.findall(r"Test run with (\d+) tests? in \d+ suites? passed", output)))
    there = sum(
        len(re.findall(r"(?m)^\s*@Test\b", file.read_text())) for file in (ROOT / "Tests").rglob("*.swift"))
    check(ran == there, f"{ran} tests passed, and there are {there}\n{output[-2000:]}")
    run.note("docker compose run --rm tests", f"{ran} tests passed, in {time.time() - began:.0f} s", "all pass")


def shown(run):
    """Every command on containers that a page shows was run here, as it stands there."""
    lines = [line.partition("  #")[0].strip() for page in pages() for each in fences(page) for line in each.splitlines()[1:]
             if each.startswith("sh\n") and not line.startswith("#")]
    wanted = [line for line in lines if "docker" in line]
    missing = [line for line in wanted if line not in Project.ran]
    check(len(wanted) > 15 and not missing, f"of the {len(wanted)} commands in the documentation these were not run: {missing}")
    run.note("the documentation's commands", f"{len(wanted)}, all run as they stand there", "all")


def nothing_left(run):
    run.project.run("docker compose down -v")
    left = [each for each in run.project.left() if not each.startswith("image")]
    check(not left, f"down -v has left {left}")
    run.project.run("docker compose down -v --rmi local")
    run.project.remove()
    left = run.project.left()
    check(not left, f"there is still {left}")
    run.note("down -v", "no container, volume or network is left; with --rmi local no image", "nothing")


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def fences(page):
    """The blocks of code in a page."""
    return re.findall(r"(?ms)^```(.*?)^```", page.read_text())


def handler_files():
    """What docs/docker.md says to put into a file: blocks that begin with its name."""
    found = (re.match(r"\w*\n# ([\w./-]+)\n", each) for each in fences(ROOT / "docs/docker.md"))
    return {each[1]: each.string.partition("\n")[2] for each in found if each}

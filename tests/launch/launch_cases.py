"""Command lines as they are written in launch/ and docs/, and what their programs know."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from mt3synth import cli

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = ROOT / "launch"
OPERATORS = ("&&", "||", "|", ";")

# Options that were looked up, in the reference of the version named, for each subcommand used.
KNOWN = {
    # docs.cloud.google.com/sdk/gcloud/reference/compute/tpus/queued-resources, gcloud 528.0.0;
    # --format and --quiet are gcloud-wide flags (docs.cloud.google.com/sdk/gcloud/reference).
    "gcloud compute tpus queued-resources create": (
        "--node-id --zone --accelerator-type --runtime-version --spot"
    ),
    "gcloud compute tpus queued-resources describe": "--zone --format",
    "gcloud compute tpus queued-resources delete": "--zone --force --quiet",
    # docs.cloud.google.com/sdk/gcloud/reference/compute/tpus/tpu-vm/ssh
    "gcloud compute tpus tpu-vm ssh": "--zone --worker --command",
    # docs.cloud.google.com/sdk/gcloud/reference/auth/configure-docker
    "gcloud auth configure-docker": "--quiet",
    # docs.docker.com/reference/cli/docker, Docker 28.2
    "docker build": "-f -t --build-arg",
    "docker push": "",
    "docker pull": "--quiet",
    "docker stop": "-t",
    "docker run": "--rm --name --privileged --network --read-only --stop-timeout --tmpfs --volume",
    # kubernetes.io/docs/reference/kubectl/generated, kubectl 1.32
    "kubectl apply": "-f",
    "kubectl logs": "--follow",
    "kubectl delete": "",
    # slurm.schedmd.com/sbatch.html, srun.html and scontrol.html, Slurm 22.05
    "sbatch": (
        "--job-name --nodes --ntasks-per-node --gpus-per-node --cpus-per-task --time --signal"
        " --requeue --open-mode --output"
    ),
    "srun": "--kill-on-bad-exit --cpus-per-task",
    "scontrol requeue": "",
    # pip.pypa.io/en/stable/cli/pip_install
    "pip install": "-e",
}
TAKE_A_VALUE = ("-f", "-t", "-e", "--build-arg")
# What comes after the first word that is no option is another program's command line.
RUN_ANOTHER = ("docker run", "srun", "sbatch")


def header(path: Path) -> str:
    """Reads the comment or docstring with which a file opens, without its marks."""
    text = path.read_text()
    if path.suffix == ".py":
        return text.split('"""')[1]
    lines = text.removeprefix("#!/usr/bin/env bash\n").splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[:end])


def header_commands(path: Path) -> list[list[str]]:
    """Lists the commands that are set off in a file's header."""
    indent = "    " if path.suffix == ".py" else "  "
    lines = [line for line in header(path).splitlines() if line.startswith(indent)]
    return list(commands("\n".join(line.strip() for line in lines)))


def fenced(path: Path) -> str:
    """Joins all code blocks of a Markdown file that name no language."""
    blocks = path.read_text().split("\n```")
    return "\n".join(b[1:] for b in blocks[1::2] if b.startswith("\n"))


def commands(script: str) -> Iterator[list[str]]:
    """Splits the lines of a shell script into the words of each command."""
    for line in script.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars="&|;")
        words.whitespace_split = True
        command: list[str] = []
        for word in [*words, ";"]:
            if word not in OPERATORS:
                command.append(word)
            elif command:
                yield command
                command = []


def check(command: list[str]) -> None:
    """Fails where a command's program would not take its options."""
    program = command[0]
    match program.removeprefix("./"):
        case "export":
            return
        case "mt3synth":
            check_mt3synth(command[1:])
        case "launch/tpu_pod.sh":
            if command[1] == "train":
                check_mt3synth(command[1:])
        case "launch/dataflow.sh":
            check_mt3synth(["prepare", *command[1:]])
        case "python":
            check_python(command)
        case "sed" | "apt-get" | "tensorboard" | "launch/train_default.sh":
            return
        case _:
            check_known(command)


def check_mt3synth(arguments: list[str]) -> None:
    """Parses a command line of ours with our own parser."""
    arguments, gin = cli._split_gin(arguments)
    args = cli._parser().parse_args(arguments)  # raises UserError
    for file in args.gin_file or []:
        assert (ROOT / file).is_file(), f"{file} is missing"
    assert all("=" in binding for binding in gin)


def check_python(command: list[str]) -> None:
    """Checks only the project's own programs; what local_pod.py starts is checked in turn."""
    if command[1] == "-c":
        compile(command[2], "-c", "exec")
        return
    if command[1] == "-m":
        assert (ROOT / command[2].replace(".", "/")).with_suffix(".py").is_file(), command
        return
    assert (ROOT / command[1]).is_file(), command
    if command[1] == "launch/local_pod.py":
        pod = command[command.index("--") + 1 :]
        check(pod if not pod[0].startswith("-") else ["mt3synth", "train", *pod])


def check_known(command: list[str]) -> None:
    """Compares options with `KNOWN`, and goes on with the command that they may run."""
    key = next((k for k in KNOWN if command[: len(k.split())] == k.split()), None)
    assert key is not None, f"{' '.join(command)}: not looked up"
    words = command[len(key.split()) :]
    while words:
        word, *words = words
        if not word.startswith("-"):
            if key in RUN_ANOTHER:
                check_run(key, word, words)
                return
            continue
        name, equals, _ = word.partition("=")
        assert name in KNOWN[key].split(), f"{key}: {name} was not looked up"
        if name in TAKE_A_VALUE and not equals:
            words = words[1:]


def check_run(key: str, word: str, rest: list[str]) -> None:
    """Checks the command in an image, in a job script or in a job step."""
    match key:
        case "docker run":  # the image's entry point is mt3synth
            check_mt3synth(rest)
        case "sbatch":
            assert (ROOT / word).is_file(), word
            check_mt3synth(["train", *rest])
        case _:
            check([word, *rest])

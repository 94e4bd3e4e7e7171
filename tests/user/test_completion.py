"""Tab completion, in the shells that are installed: what each offers for what is typed so far."""

import shutil
import subprocess

import pytest

OFFERED = {
    "a3c trai": "train",
    "a3c train CartPole-v": "CartPole-v0 CartPole-v1",
    "a3c train CartPole-v1 --learning-r": "--learning-rate --learning-rate-final",
    "a3c train CartPole-v1 --no-stop": "--no-stop-when-solved",
    "a3c train CartPole-v1 --algorithm im": "impact impala",
    "a3c train CartPole-v1 --recipe Pen": "Pendulum-v1",
    "a3c train CartPole-v1 --steps ": "",
    "a3c train --resume fol": "folder",
    "a3c train --algorithm p": "pqn",
    "a3c evaluate fol": "folder",
    "a3c evaluate folder --checkpoint ": "best latest",
    "a3c imitate fol": "folder",
    "a3c imitate it.npz CartPole-v": "CartPole-v0 CartPole-v1",
    "a3c recipes Pen": "Pendulum-v1",
    "a3c play x --vid": "--video",
    "a3c completion ": "bash fish zsh",
}
ASK = {
    "bash": """
offer() {
    read -ra COMP_WORDS <<< "$1"; [[ $1 == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=(); _a3c; echo "${COMPREPLY[*]}"
}
""",
    # Its line editor is needed to complete: what that is told is printed here instead.
    "zsh": """
say() { local word; for word in "$@"; do [[ $word == $PREFIX* ]] && print -n -- "$word "; done }
compadd() { [[ $1 == -- ]] && shift; say "$@" }
_describe() { say "${(@)${(@P)2}%%:*}" }
_files() { say *(N) }
offer() { words=(${(z)1}); [[ $1 == *" " ]] && words+=(""); CURRENT=$#words; PREFIX=$words[-1]; _a3c; print }
""",
    "fish": """
function offer
    complete -C $argv[1] | string split -f1 \\t | string trim -r -c / | sort | string join " " | read line; echo $line
end
""",
}


@pytest.mark.parametrize("shell", ASK)
def test_a_shell_offers_what_may_come_next(command, tmp_path, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    outcome = command("completion", shell)
    assert (outcome.status, outcome.err) == (0, "")
    (tmp_path / "folder").mkdir()
    (tmp_path / "script").write_text(outcome.out)
    before = "compdef() { }\n" if shell == "zsh" else ""
    lines = [f"{before}source ./script", ASK[shell], *(f"offer '{line}'" for line in OFFERED)]
    done = subprocess.run(
        [shell, *({"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]), "-c", "\n".join(lines)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    offered = [" ".join(sorted(line.split())) for line in done.stdout.splitlines()]
    assert dict(zip(OFFERED, offered, strict=True)) == OFFERED


def test_another_shell_is_refused(command):
    assert command("completion", "csh") == (
        2,
        "",
        "a3c completion: shell is 'csh', but must be one of bash, zsh, fish\n",
    )

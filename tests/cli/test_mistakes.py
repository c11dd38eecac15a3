"""What people mistype: each is exit code 4 and one line on stderr that says what is wrong, and what to do."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import environment
from toolworthy.cli.main import main
from toolworthy.records.meta import RunMeta
from toolworthy.records.store import RunDirectory

URL = "http://127.0.0.1:9/v1"
TOML = {
    "key": f'[endpoints.mine]\nurl = "{URL}"\nmodel = "m"\nkey_enf = "X"\n',
    "table": f'[endpoint.mine]\nurl = "{URL}"\n',
    "provider": '[endpoints.mine]\nprovider = "deepsek"\nmodel = "m"\n',
    "mark": f'\ufeff[endpoints.mine]\nurl = "{URL}"\n',
    "broken": "[endpoints.mine\n",
    "plugin": 'plugins = ["nowhere"]\n',
    "nourl": '[endpoints.mine]\nmodel = "m"\n',
    "taken": f'[endpoints.oracle]\nurl = "{URL}"\n',
    "text": 'plugins = "mine"\n',
    "unset": f'[endpoints.mine]\nurl = "{URL}"\nmodel = "m"\nkey_env = "NOSUCH"\n',
}
"""Folders, each with a `toolworthy.toml`."""

MISTAKES = [
    # The command
    ("", "no command is given"),
    ("rnu wire", "unknown command 'rnu'; did you mean 'run'?"),
    ("wire --tier quick", "'wire' is a suite. Type `toolworthy run wire`."),
    ("--verson", "unknown option --verson; did you mean '--version'?"),
    ("--endpoint oracle run wire", "unknown option --endpoint. Put options of a command after its name."),
    ("help", "unknown command 'help'. `toolworthy --help` lists them."),
    ("Run wire", "unknown command 'Run'; did you mean 'run'?"),
    ("-v", "unknown option -v. Put options of a command after its name."),
    # Options that there are not
    ("run wire --endpiont oracle", "unknown option --endpiont; did you mean '--endpoint'?"),
    ("run --budget 5", "unknown option --budget; did you mean '--budget-"),
    ("run tools --agents codex", "unknown option --agents; did you mean '--agent'?"),
    ("run --hlep", "unknown option --hlep; did you mean '--help"),
    ("run wire --modle=m", "unknown option --modle; did you mean '--model'?"),
    ("report RUN --output x.html", "unknown option --output; did you mean '--out'?"),
    ("gate RUN RUN --polcy x", "unknown option --polcy; did you mean '--policy'?"),
    ("doctor --endpiont oracle", "unknown option --endpiont; did you mean '--endpoint'?"),
    ("doctor --end oracle", "unknown option --end"),
    ("run wire --api-key abc", "there is no option --api-key.*--key-env NAME"),
    ("run wire --no-steam", "unknown option --no-steam; did you mean '--no-stream'?"),
    ("gate RUN RUN --show-polcy", "unknown option --show-polcy; did you mean '--show-policy'?"),
    # Suites and files
    ("run wrie", "'wrie' is neither a suite nor a file; did you mean 'wire'?"),
    ("run task", "'task' is neither a suite nor a file; did you mean 'tasks'?"),
    ("run ./test_mine.py", "'./test_mine.py' is neither a suite nor a file"),
    ("run wire -k nosuch", "nothing is selected by -k 'nosuch'. `--collect-only -q` lists"),
    ("run tasks -m nosuch", "nothing is selected by -m 'nosuch'"),
    ("run tasks --tasks tasks", "tasks holds no task"),
    ("run wire -k tools --out tools --resume tasks", "tasks is not a run directory"),
    ("run wire oracle", "'oracle' is neither a suite nor a file"),
    ("run wire::nosuch", "'wire::nosuch' is neither a suite nor a file"),
    # Values
    ("run wire --endpoint", "--endpoint: expected one argument"),
    ("run wire --endpoint oracle --endpoint deepseek", "--endpoint 'oracle' and 'deepseek' are both given. Give one."),
    ("doctor --endpoint oracle --endpoint deepseek", "--endpoint 'oracle' and 'deepseek' are both given. Give one."),
    ("run wire --toolset codex --wear opencode", "'codex' and 'opencode' are both given. Give one."),
    ("run wire --trials 2 --trials 3", "--trials '2' and '3' are both given"),
    ("run wire --tier quik", "--tier 'quik' is unknown; did you mean 'quick'?"),
    ("run wire --wire completions", "--wire 'completions' is unknown"),
    ("run wire --sandbox docker", "--sandbox 'docker' is unknown. Use one of auto, bubblewrap, none"),
    ("run wire --trials 0", "--trials must be 1 or more, not 0"),
    ("run wire --trials many", "--trials 'many': give a whole number"),
    ("run wire --concurrency -1", "--concurrency must be 1 or more, not -1"),
    ("run wire --max-turns 1.5", "--max-turns '1.5': give a whole number"),
    ("run wire --timeout-factor 0", "--timeout-factor '0': give a number above 0"),
    ("run wire --timeout-factor nan", "--timeout-factor 'nan': give a number above 0"),
    ("run wire --budget-tokens 5kk", "--budget-tokens '5kk': give a number, 500k or 2M"),
    ("run wire --budget-usd $5", r"--budget-usd '\$5': give a number above 0"),
    ("run wire --budget-minutes 0", "--budget-minutes '0': give a number above 0"),
    ("run wire --price 1", r"--price '1': give IN,OUT"),
    ("replay RUN --endpoint oracle --trials 0", "--trials must be 1 or more, not 0"),
    ("matrix --concurrency 0", "--concurrency must be 1 or more, not 0"),
    ("oracle --port http", "--port 'http': give a port from 0 to 65535"),
    ("oracle --port 99999", "--port '99999': give a port from 0 to 65535"),
    ("proxy --endpoint oracle --port 99999", "--port '99999': give a port from 0 to 65535"),
    ("oracle --port BUSY", "port [0-9]+ is in use. Choose another with --port."),
    ("proxy --endpoint oracle --agent cdoex", "no agent is called 'cdoex'; did you mean 'codex'?"),
    (
        "proxy --endpoint oracle --agent builtin",
        "toolworthy's own loop cannot be started by hand. Give --agent, one of",
    ),
    ("proxy --endpoint oracle --agent codex --port BUSY", "port [0-9]+ is in use. Choose another with --port."),
    ("proxy --endpoint oracle exec", "'exec' is for an agent, and none is started. Give --agent NAME, too."),
    ("proxy --endpoint oracle --keep 0", "--keep must be 1 or more, not 0"),
    ("proxy --endpoint oracle --port BUSY --out DIR", "port [0-9]+ is in use. Choose another with --port."),
    ("run wire --wire chat,messages", "--wire 'chat,messages' is unknown; did you mean 'messages'?"),
    ("run wire --price one,two", "--price 'one,two': give IN,OUT"),
    ("run wire --concurrency fast", "--concurrency 'fast': give a whole number"),
    ("oracle --port -1", "--port '-1': give a port from 0 to 65535"),
    ("check oracle --budget-minutes x", "--budget-minutes 'x': give a number above 0"),
    # Endpoints and keys
    ("run wire --endpoint deepsek", "no endpoint is called 'deepsek'; did you mean 'deepseek'?"),
    ("run wire --endpoint oracle:call-no-id", "no defect is called 'call-no-id'"),
    (f"run wire --endpoint {URL}", f"{URL} needs a model. Give --model ID."),
    (f"doctor --endpoint {URL} --model m", "cannot reach .*. Start the server, or correct the base URL."),
    ("doctor --endpoint http://127.0.0.1:99999/v1 --model m", "'http://127.0.0.1:99999/v1' is not a URL"),
    ("doctor --endpoint http:///v1 --model m", "'http:///v1' is not a URL: it has no host"),
    ("doctor", "no endpoint is named. Type `toolworthy doctor ENDPOINT`."),
    ("doctor oracle --endpoint deepseek", "'oracle' and 'deepseek' are both given. Give one endpoint."),
    ("doctor oracle --agent cluade-code", "no agent is called 'cluade-code'; did you mean 'claude-code'?"),
    (f"doctor {URL}", "cannot reach .*. Start the server, or correct the base URL."),
    ("run wire --endpoint deepseek", "deepseek needs a key, and DEEPSEEK_API_KEY is not set"),
    (f"run wire --endpoint {URL} --model m --key-env MY_KYE", "MY_KYE is not set; did you mean 'MY_KEY'?"),
    (
        f"doctor --endpoint {URL} --model m --key-env ODD_KEY",
        "the key in the environment variable ODD_KEY is not ASCII",
    ),
    (f"run wire --endpoint {URL} --model m --key-env ODD_KEY", "environment variable ODD_KEY is not ASCII"),
    (f"run wire --endpoint {URL} --model m --budget-usd 5", "--budget-usd needs to know what m costs"),
    ("check htp://localhost:8000/v1", "'htp://localhost:8000/v1' is not a URL. It must begin with http"),
    ("check https://user:pw@127.0.0.1:9/v1 --model m", "the URL holds a password. Put USER:PASSWORD into"),
    # toolworthy.toml
    ("doctor --endpoint mine @key", "endpoints.mine: unknown key 'key_enf'; did you mean 'key_env'?"),
    ("run wire --endpoint mine @key", "endpoints.mine: unknown key 'key_enf'; did you mean 'key_env'?"),
    ("doctor --endpoint mine @table", "unknown key 'endpoint'; did you mean 'endpoints'?"),
    ("doctor --endpoint mine @provider", "no provider is called 'deepsek'; did you mean 'deepseek'?"),
    ("run wire --endpoint mine @mark", "mine needs a model. Give --model ID."),
    ("doctor --endpoint mine @broken", "toolworthy.toml: .*line 1"),
    ("doctor --endpoint mine @unset", "mine needs a key, and NOSUCH is not set"),
    ("run wire @plugin", "nowhere: there is no such folder"),
    ("doctor --endpoint mine @nourl", "mine has no base URL. Give it a url, urls or a provider in toolworthy.toml."),
    ("doctor --endpoint mine @taken", "'oracle' names the reference server. Choose another name."),
    ("run wire @text", "plugins: give a list"),
    # Names
    ("run tasks --agent cluade-code", "no agent is called 'cluade-code'; did you mean 'claude-code'?"),
    ("run tasks --toolset codx", "no agent is called 'codx'; did you mean 'codex'?"),
    ("run tasks --task fix-failing-tests", "no task is called 'fix-failing-tests'; did you mean 'fix-failing-test'?"),
    ("run tools --case reed-one-file", "no case is called 'reed-one-file'; did you mean 'read-one-file'?"),
    ("agents install opencod", "no agent is called 'opencod'; did you mean 'opencode'?"),
    ("agents instal codex", "'instal' is unknown; did you mean 'install'?"),
    ("agents codex", "'codex' is unknown. Use one of list, install, check"),
    ("tasks chekc", "'chekc' is unknown; did you mean 'check'?"),
    ("baseline RUN", "is unknown. Use one of save, show, list"),
    ("badge RUN --suite task", "--suite 'task' is unknown; did you mean 'tasks'?"),
    ("rules TW1", "no rule is called TW1; did you mean 'TW101'?"),
    ("rules TW1O1", "no rule is called TW1O1; did you mean 'TW"),
    ("matrix --defect nosuch", "no defect is called 'nosuch'"),
    ("matrix --agent clyde", "no agent is called 'clyde'"),
    ("matrix --situation nosuch", "no situation that can be staged is called 'nosuch'"),
    ("evidence RUN TW999", "has no finding 'TW999': it has none at all"),
    ("agents install --adapter mine.toml pi", "'pi' stands after an option. Put it before the first option."),
    ("oracle missing-tool-call-id", "'missing-tool-call-id' is one argument too many"),
    ("run tasks --agent all,codex", "no agent is called 'all,codex'"),
    ("providers lst", "'lst' is unknown; did you mean 'list'?"),
    ("oracle --dialect deepsek", "no provider is called 'deepsek'; did you mean 'deepseek'?"),
    ("completion powershell", "'powershell' is unknown. Use one of bash, zsh, fish, tcsh"),
    ("rules TW101 TW102", "'TW102' is one argument too many"),
    # Triage
    ("triage", "the following arguments are required: RUN"),
    ("triage nosuch", "nosuch is not a run directory: it has no run.json"),
    ("triage RUN TW101", "say what and how. Type `toolworthy triage .* CODE --state STATE --note TEXT`."),
    ("triage RUN --state known", "say what and how. Type `toolworthy triage"),
    ("triage RUN TW101 --state fild", "--state 'fild' is unknown; did you mean 'filed'?"),
    ("triage RUN TW101 --state filed --until 2027-02-30", "--until '2027-02-30': give a date, such as 2027-01-31"),
    ("triage RUN TW101 --state filed", "the run has no finding 'TW101'; it has none"),
    ("run wire --triage nosuch.toml", "nosuch.toml does not exist. Give the path of a triage file"),
    ("run wire --triage bad.toml", "bad.toml: .*line 1"),
    ("gate RUN RUN --triage nosuch.toml", "nosuch.toml does not exist"),
    ("run wire --triage twice.toml", r"two entries for TW101, \*, \*. Keep one, or give them different apis."),
    ("run wire --triage reason.toml", "an ignored finding needs a reason. Give it as note."),
    ("triage RUN TW101 --state known --until tomorrow", "--until 'tomorrow': give a date, such as 2027-01-31"),
    # Paths
    ("run tasks --tasks ./nowhere", "nowhere holds no task"),
    ("run tools --cases nowhere.toml", "nowhere.toml: No such file or directory"),
    ("run tools --cases bfcl:nowhere.json", "nowhere.json: no such file or folder"),
    ("run tasks --adapter nosuch.toml", "nosuch.toml: No such file or directory"),
    ("run tasks --adapter bad.toml", "bad.toml: .*line 1"),
    ("run wire --baseline nosuch", "nosuch: no run directory, no baseline file"),
    ("run wire --resume nosuch", "nosuch is not a run directory: it has no run.json"),
    ("run wire --resume foreign", "foreign/run.json has schema 3"),
    ("report nosuch", "nosuch is not a run directory: it has no run.json"),
    ("report foreign", "foreign/run.json has schema 3"),
    ("report list", "list/run.json cannot be read: it is not a JSON object"),
    ("report file.txt", "file.txt is not a run directory"),
    ("report RUN -o nowhere/x.html", "cannot write nowhere/x.html"),
    ("badge foreign", "foreign/run.json has schema 3"),
    ("history empty", "no run that measured anything under empty"),
    ("gate nosuch RUN", "nosuch: no run directory, no baseline file"),
    ("gate RUN RUN --policy gate.toml", "gate.toml: unknown key 'nosuch'"),
    ("replay nosuch --endpoint oracle", "nosuch does not exist"),
    ("cases check bad.toml", "bad.toml: .*line 1"),
    ("tasks list nowhere", "nowhere holds no task"),
    ("check nosuch.har", "nosuch.har cannot be read: No such file or directory. Check the path."),
    ("check file.txt", "file.txt holds no response of a known format. Give it a stream"),
    ("rules --pages file.txt", "file.txt: File exists. Check the path."),
    ("report RUN -o empty", "cannot write empty: Is a directory. Choose another path."),
    ("report RUN --only '['", r"no result fits '\['. Keys are like tasks/fix-failing-test/codex#1."),
    ("history nosuch", "nosuch: no such run, baseline or folder. Check the path."),
    ("history file.txt", "no run that measured anything under file.txt .*. Give a folder with runs."),
    ("badge RUN", "has no results. Give another run."),
    ("replay RUN --endpoint oracle", "holds no completion request. Give another run or recording."),
    ("replay --resume RUN", "is not a replay. Type `toolworthy run --resume"),
    ("cases check empty", r"empty: no \[\[case\]\] there. Give a file or folder of cases."),
    ("gate RUN nosuch", r"no baseline in baselines. `toolworthy baseline save RUN \[NAME\]` makes one."),
    # What belongs together
    ("report", "the following arguments are required: RUN"),
    ("gate RUN", "two runs are needed. Type `toolworthy gate BASELINE CANDIDATE`."),
    ("export --csv x.csv", "no run is named. Type `toolworthy export RUN"),
    ("export RUN", "one of the arguments --csv --parquet --inspect --schema is required"),
    ("export RUN --csv a --parquet b", "--parquet: not allowed with argument --csv"),
    ("baseline save", "Type `toolworthy baseline save RUN"),
    ("replay RUN", "nothing to replay. Give the RUN to send again and --endpoint X"),
    ("run tools --reference oracle", "--reference belongs to --cases k2vv:PATH"),
    ("run wire --gate gate.toml", "--gate needs something to compare with. Give --baseline RUN."),
    ("run wire --until-decided", "--until-decided needs a gate. Give --baseline RUN."),
    ("check", "the following arguments are required: WHAT"),
    ("gate RUN RUN RUN", "is one argument too many"),
    ("baseline show", "names do not fit. Type `toolworthy baseline save RUN"),
    ("run wire -n 4", "-n is not needed"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the mistakes speak of."""
    made = tmp_path_factory.mktemp("mistakes")
    for name, text in TOML.items():
        (made / name).mkdir()
        (made / name / "toolworthy.toml").write_text(text, encoding="utf-8")
    for name, text in {"foreign": '{"schema": 3}', "list": "[1, 2]"}.items():
        (made / name).mkdir()
        (made / name / "run.json").write_text(text)
    (made / "empty").mkdir()
    (made / "file.txt").write_text("hello")
    (made / "bad.toml").write_text("[[[ broken")
    (made / "gate.toml").write_text("nosuch = 1\n")
    (made / "twice.toml").write_text('[[finding]]\ncode = "TW101"\nstate = "known"\n' * 2)
    (made / "reason.toml").write_text('[[finding]]\ncode = "TW101"\nstate = "ignored"\n')
    return made


@pytest.mark.process
@pytest.mark.parametrize(("typed", "says"), MISTAKES, ids=[typed or "nothing" for typed, _ in MISTAKES])
def test_a_mistake_is_one_line(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    says: str,
) -> None:
    typed, _, config = typed.partition(" @")
    monkeypatch.chdir(folder / config)
    for name in ("DEEPSEEK_API_KEY", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MY_KEY", "abc")
    monkeypatch.setenv("ODD_KEY", "schlüssel")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        places = {"BUSY": str(busy.getsockname()[1]), "DIR": str(tmp_path)}
        if "RUN" in typed:
            places["RUN"] = str(RunDirectory.create(tmp_path, RunMeta()).path)
        code = main([places.get(word, word) for word in shlex.split(typed.replace("$", r"\$"))])
    out, err = capsys.readouterr()
    assert code == 4, out + err
    assert re.match(f"error: .*{says}", err), err
    assert err.count("\n") == 1
    assert "Traceback" not in out
    assert not re.search(r"report:|outcomes|INTERNALERROR|usage:|session starts|rootdir:", out)


def typed_in(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """A line of a shell, where `toolworthy` is ours."""
    line = f'toolworthy() {{ {sys.executable} -m toolworthy "$@"; }}; set -o pipefail; {line}'
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.process
@pytest.mark.parametrize("command", ["run wire --collect-only -q", "doctor --endpoint oracle", "rules"])
def test_a_folder_that_is_gone_is_one_line(tmp_path: Path, command: str) -> None:
    done = typed_in(tmp_path, f"mkdir gone && cd gone && rmdir ../gone && toolworthy {command}")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "error: the working directory does not exist any more. Change to another one.\n"


@pytest.mark.process
@pytest.mark.parametrize("command", ["run wire --collect-only -q", "run --help", "rules", "cases", "oracle --list"])
def test_a_reader_that_goes_is_no_error(tmp_path: Path, command: str) -> None:
    done = typed_in(tmp_path, f"toolworthy {command} | head -1")
    assert done.returncode in (0, 128 + signal.SIGPIPE)
    assert re.sub("next: .*\n", "", done.stderr) == ""

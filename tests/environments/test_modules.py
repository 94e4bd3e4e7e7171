"""Modules that only a file names: which of them may be imported."""

import sys

import pytest

from a3c.environments.modules import check_modules, module_of, to_be_named
from a3c.errors import SettingsError
from configs_for_tests import config_with


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder, with modules of the user's in it."""
    (tmp_path / "mine.py").write_text("raise AssertionError('it ran')")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "part.py").write_text("raise AssertionError('it ran')")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(environment, named=(), wrappers=(), import_modules=(), **env_kwargs):
    config = config_with(environment, env_kwargs=env_kwargs, wrappers=wrappers, import_modules=import_modules)
    check_modules(config, named, "the file", lambda module: f"say {module}")


@pytest.mark.parametrize(
    "environment",
    [
        *("CartPole-v1", "ALE/Pong-v5", "gymnasium:CartPole-v1", "json.tool:Nothing-v0", "no_such_module:Walk-v0", ""),
        *("gymnasium.envs.classic_control:CartPoleEnv", "gymnasium.envs.classic_control.cartpole:CartPoleVectorEnv"),
        *("a3c:Nothing", ":Nothing", "a:b:c", "./mine:Walk-v0"),
    ],
)
def test_what_is_installed_or_nowhere_passes(environment):
    check(environment, text="gymnasium:CartPole-v1", number=5)


@pytest.mark.parametrize("environment", ["mine:Walk-v0", "mine:Walk", "mine.part:Walk-v0", "package.part:Walk-v0"])
def test_a_module_in_the_current_folder_has_to_be_named(environment, folder):
    module = module_of(environment)
    place = folder / ("mine.py" if module.startswith("mine") else "package")
    with pytest.raises(SettingsError) as refused:
        check(environment)
    line = f"the file names the module {module}, which is not installed ({place}); if you trust it: say {module}"
    assert str(refused.value) == line
    check(environment, named={module})
    with pytest.raises(SettingsError):
        check(environment, named={"package"})
    assert "mine" not in sys.modules


def test_a_module_where_python_looks_has_to_be_named(folder, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    check("mine:Walk-v0")
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(SettingsError, match="names the module mine"):
        check("mine:Walk-v0")


def test_a_module_that_hides_an_installed_one_has_to_be_named(folder, monkeypatch):
    monkeypatch.delitem(sys.modules, "json.tool", raising=False)
    (folder / "json.py").write_text("")
    check("json.tool:Walk-v0")
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(SettingsError, match="names the module json"):
        check("json.tool:Walk-v0")


def test_what_is_imported_already_passes(monkeypatch):
    monkeypatch.setitem(sys.modules, "mine", type(sys)("mine"))
    check("mine:Walk-v0")


@pytest.mark.parametrize("value", ["mine:Walk-v0", ["mine:Walk-v0"], {"inner": ({"id": "mine:Walk-v0"},)}])
def test_arguments_of_the_environment_are_looked_through(value):
    with pytest.raises(SettingsError, match="names the module mine"):
        check("CartPole-v1", inner=value)
    check("CartPole-v1", named={"mine"}, inner=value)


@pytest.mark.parametrize("name", ["os:system", "subprocess:Popen", "builtins:exec", "gymnasium:make", "os:mkdir"])
def test_what_can_be_called_but_is_no_environment_has_to_be_named(name):
    with pytest.raises(SettingsError, match=f"the file names {name}, which is no environment's id or class"):
        check(name)
    check(name, named={module_of(name)})


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"wrappers": ["mine:Wrapper"]}, "names the module mine"),
        ({"wrappers": [("gymnasium.wrappers:ClipReward", {"by": "mine:Walk-v0"})]}, "names the module mine"),
        ({"import_modules": ["mine"]}, "names the module mine"),
        ({"import_modules": ["mine:register"]}, "names the module mine"),
        ({"wrappers": ["os:system"]}, "names os:system, which is no wrapper's class"),
        ({"import_modules": ["os:abort"]}, "calls os:abort"),
    ],
    ids=str,
)
def test_wrappers_and_modules_to_import_have_to_be_named_too(settings, reason):
    with pytest.raises(SettingsError, match=f"the file {reason}"):
        check("CartPole-v1", **settings)
    check("CartPole-v1", named={"mine", "os"}, **settings)
    assert to_be_named(config_with("mine:Walk-v0", **settings)) in (["mine"], ["os"])
    check("CartPole-v1", named={"mine:register", "os:abort"}, **settings)


def test_wrappers_of_what_is_installed_pass():
    own = "only from Python: <lambda>"
    check("CartPole-v1", wrappers=["gymnasium.wrappers:ClipReward", own, "json:none"], import_modules=["json"])

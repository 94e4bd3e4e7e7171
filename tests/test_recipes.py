"""Which recipe applies, and that every recipe holds settings that a run can have."""

import pytest

from a3c.cli.train import parse
from a3c.config.checks import check_ends
from a3c.config.making import make_config
from a3c.config.run import LIMITS
from a3c.errors import SettingsError
from a3c.recipes import all_recipes, find_recipe, with_recipe

ALGORITHMS = ("a3c", "a2c", "ga3c", "impala", "random")
DEFAULTS = sorted(name for name, recipe in all_recipes().items() if recipe.default)


def one_of(recipe):
    """The first environment that it is for."""
    return all_recipes()[recipe].environments[0].replace("*", "Breakout-v5").replace("[45]", "5")


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ("ALE/Pong-v5", "Pong"),
        ("PongNoFrameskip-v4", "Pong"),
        ("PongDeterministic-v4", "Pong"),
        ("ALE/Breakout-v5", "atari"),
        ("BreakoutNoFrameskip-v4", "atari"),
        ("BreakoutNoFrameskip-v0", "atari"),
        ("SeaquestDeterministic-v4", "atari"),
        # Pong of another protocol is one of the games.
        ("PongNoFrameskip-v0", "atari"),
        ("CartPole-v1", "CartPole-v1"),
        ("CartPole-v0", "CartPole-v1"),
        ("MountainCarContinuous-v0", "MountainCarContinuous-v0"),
        ("MountainCar-v0", "MountainCar-v0"),
        ("Acrobot-v1", "classic-control"),
        ("Hopper-v4", "mujoco"),
        ("Hopper-v3", None),
        ("BipedalWalkerHardcore-v3", "box2d"),
        ("MinAtar/Breakout-v1", "minatar"),
        ("minigrid:MiniGrid-Empty-8x8-v0", "minigrid"),
        ("BabyAI-GoToObj-v0", None),
        ("BreakoutNoFrameskip-v5", None),
        ("ale/Pong-v5", None),
        ("my_games:Pong-v5", None),
        ("", None),
    ],
)
def test_an_environment_of_its_own_comes_before_a_pattern(environment, name):
    found = find_recipe(None, environment)
    assert (found and found.name) == name


def test_a_recipe_brings_its_environment_unless_that_is_a_pattern():
    assert with_recipe("pylessons-pong", {})["environment"] == "PongDeterministic-v4"
    assert not with_recipe("atari", {}).get("environment")
    assert not with_recipe("mujoco", {}).get("environment")


def test_one_of_a_family_may_differ_from_the_others():
    of_all, cheetah, walker = (
        with_recipe(None, {"environment": environment}) for environment in ("Ant-v5", "HalfCheetah-v4", "Walker2d-v5")
    )
    assert cheetah["log_std"] != of_all["log_std"]
    assert cheetah | {"environment": "Ant-v5", "log_std": of_all["log_std"]} == of_all
    # In its table for the algorithm.
    own = {"envs_per_worker": 8, "passes": 5, "minibatch_size": 256, "target_kl": 0.0}
    assert walker.pop("recompute_advantages")
    assert {name for name in walker if walker[name] != of_all[name]} == {"environment", *own}
    assert walker | {"environment": "Ant-v5"} | own == of_all
    by_a3c = with_recipe(None, {"environment": "Hopper-v5", "algorithm": "a3c"})
    assert "passes" not in by_a3c
    assert by_a3c["envs_per_worker"] == 4
    assert with_recipe("mujoco", {})["log_std"] == with_recipe("mujoco", {"environment": "Reacher-v5"})["log_std"]


def test_a_named_recipe_is_taken_for_any_environment():
    assert find_recipe("pylessons-pong", "ALE/Pong-v5").name == "pylessons-pong"
    assert find_recipe("atari", "ALE/Pong-v5").name == "atari"
    assert find_recipe("none", "ALE/Pong-v5") is None
    with pytest.raises(SettingsError, match="no recipe 'Pogn'; did you mean 'Pong'"):
        find_recipe("Pogn", "ALE/Pong-v5")


@pytest.mark.parametrize("name", all_recipes())
def test_every_recipe_is_a_run_for_its_algorithms(name):
    recipe = all_recipes()[name]
    assert make_config(recipe.common, name)
    for algorithm in recipe.algorithms:
        config = make_config(with_recipe(name, {"algorithm": algorithm}), name)
        check_ends(config)
        assert config.algorithm.name == algorithm
        assert config.environment in (recipe.environments[0], "")
    assert make_config(with_recipe(name, {}), name).algorithm.name == recipe.algorithm
    assert recipe.title
    assert recipe.source
    assert recipe.reached


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("name", DEFAULTS)
def test_a_recipe_that_applies_by_itself_is_a_run_for_every_algorithm(name, algorithm):
    environment = one_of(name)
    config = make_config(with_recipe(None, {"algorithm": algorithm, "environment": environment}), name)
    check_ends(config)
    assert config.environment == environment


@pytest.mark.parametrize("limit", [{"steps": 9000}, {"episodes": 9}, {"seconds": 9.0}], ids=str)
@pytest.mark.parametrize("recipe", all_recipes())
def test_any_limit_can_take_the_place_of_a_recipes(recipe, limit):
    environment = one_of(recipe)
    config = make_config(with_recipe(recipe, {"environment": environment} | limit))
    ((name, value),) = limit.items()
    _, flags, _ = parse([environment, "--recipe", recipe, f"--{name}", str(value)])
    for found in (config, flags):
        assert {name: getattr(found, name) for name in LIMITS} == dict.fromkeys(LIMITS) | limit
    assert (flags.learning_rate, flags.segment_length) == (config.learning_rate, config.segment_length)


def test_settings_come_before_those_of_a_recipe():
    config = make_config(with_recipe(None, {"environment": "ALE/Pong-v5", "frame_stack": 2, "steps": 99}))
    assert (config.frame_stack, config.frame_size, config.steps) == (2, (40,), 99)
    # Any limit takes the place of all of the recipe's.
    assert config.target_return is None


@pytest.mark.parametrize("algorithm", ["a3c", "a2c"])
def test_pylessons_pong_is_as_published(algorithm):
    config = make_config(with_recipe("pylessons-pong", {"algorithm": algorithm}))
    assert config.environment == "PongDeterministic-v4"
    assert (config.workers, config.envs_per_worker) == (5, 1)
    assert (config.frame_size, config.frame_stack) == ((80, 80), 4)
    assert (config.grayscale, config.threshold, config.resize) == (True, 100, "sample")
    assert (config.network, config.hidden, config.activation) == ("mlp", (512,), "elu")
    assert config.segment_ends == "episode"
    assert config.restart_at_reward
    assert config.normalize_returns
    assert (config.optimizer, config.learning_rate) == ("rmsprop", 2.5e-5)


OWN = """
[about]
algorithm = "appo"
[common]
gamma = 0.9
[appo]
passes = 3
"""


def test_a_recipe_may_be_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    recipe = str(path)
    config = make_config(with_recipe(recipe, {"environment": "Mine-v0", "steps": 99}))
    assert (config.algorithm.name, config.gamma, config.own.passes, config.steps) == ("appo", 0.9, 3, 99)
    # What a recipe of this package would bring, a file does not: the environment is named.
    assert not with_recipe(recipe, {}).get("environment")
    assert with_recipe(recipe, {"algorithm": "a3c", "environment": "Mine-v0"}).get("passes") is None
    path.write_text('[about]\nalgorithm = "my_module:MINE"')
    with pytest.raises(SettingsError, match="is for my_module:MINE: say so too, by `algorithm`"):
        with_recipe(recipe, {"environment": "Mine-v0"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file"),
        ("gamma = ", "is not a TOML file: "),
        ("gamma = 0.9", "there is no gamma outside of a table"),
        ("[comon]", r"there is no table \[comon\]; did you mean 'common'"),
        ("common = 1", r"common is a value, but must be a table, \[common\]"),
        ("[about]\ntitel = 1", r"titel in \[about\] is not known"),
        ("[common]\ngama = 0.9", "there is no setting 'gama'; did you mean 'gamma'"),
        ("[common]\ngamma = 2", "`gamma` is 2, but must be at least 0 and at most 1"),
        ("[appo]\nclip_range = 'x'", "`clip_range` cannot be 'x'"),
        ("[common]\nevaluation_environment = 'm:E'", "`evaluation_environment` is no setting of a recipe"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line_that_names_it(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError, match=message) as raised:
        find_recipe(str(path), "")
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)

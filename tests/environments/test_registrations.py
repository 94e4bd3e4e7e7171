"""What is registered here can be made in a worker."""

import importlib
import pickle
import sys
import threading

import gymnasium
import pytest
from gymnasium.envs.registration import EnvSpec, WrapperSpec

from a3c.environments.registrations import Registrations
from a3c.errors import SettingsError
from a3c.processes.starting import call
from environments_for_tests import MODES, Corridor, counting

pytestmark = pytest.mark.usefixtures("registry")


@pytest.fixture
def in_main(monkeypatch):
    """Has a class of the main module, as in a script or a notebook."""

    def add(base, name):
        made = type(name, (base,), {"__module__": "__main__"})
        monkeypatch.setattr(sys.modules["__main__"], name, made, raising=False)
        return made

    return add


def in_a_worker(packed, *ids):
    """For each id: the classes of the environment and its wrappers, outside first, and the length of its corridor."""
    return call("processes_for_tests:made_by_id", packed, ids)


def test_every_way_to_register_reaches_a_worker(in_main):
    mine, _ = in_main(Corridor, "Mine"), in_main(gymnasium.Wrapper, "Around")
    gymnasium.register("Class-v0", mine, kwargs={"length": 3})
    gymnasium.register("Text-v0", "__main__:Mine", kwargs={"length": 4})
    gymnasium.register("Function-v0", lambda length: mine(length + 1), kwargs={"length": 4})
    with gymnasium.envs.registration.namespace("Own"):
        gymnasium.register("Mine-v2", "environments_for_tests:Corridor", max_episode_steps=7)
    gymnasium.register("Wrapped-v0", mine, additional_wrappers=(WrapperSpec("Around", "__main__:Around", kwargs={}),))
    gymnasium.registry["CartPole-v1"] = EnvSpec("CartPole-v1", "__main__:Mine", kwargs={"length": 8})
    ids = ["Class-v0", "Text-v0", "Function-v0", "Own/Mine-v2", "Own/Mine", "Wrapped-v0", "CartPole-v1"]
    found = dict(zip(ids, in_a_worker(Registrations.packed(), *ids), strict=True))
    assert [length for _, length in found.values()] == [3, 4, 5, 6, 6, 6, 8]
    assert found["Own/Mine-v2"][0][0] == "TimeLimit"
    assert found["Wrapped-v0"][0][:1] == ["Around"]
    assert found["CartPole-v1"][0][-1] == "Mine"


def test_what_a_module_registers_does_not_come_back_when_workers_import_it(tmp_path, monkeypatch):
    (tmp_path / "own_package.py").write_text(
        "import gymnasium\nfrom environments_for_tests import Corridor\n"
        "gymnasium.register('Package-v0', 'own_package:Corridor', kwargs={'length': 3})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("own_package")
    gymnasium.registry["Package-v0"].kwargs["length"] = 9
    assert [length for _, length in in_a_worker(Registrations.packed(), "Package-v0", "Package-v0")] == [9, 9]
    del sys.modules["own_package"]


def test_a_vector_form_is_registered_too():
    gymnasium.register("Both-v0", Corridor, vector_entry_point=lambda num_envs: counting(MODES[0], num_envs))
    packed = Registrations.packed()
    del gymnasium.registry["Both-v0"]
    packed.register()
    assert gymnasium.make_vec("Both-v0", 3, vectorization_mode="vector_entry_point").num_envs == 3


def test_one_that_cannot_be_sent_ends_only_what_uses_it():
    lock = threading.Lock()
    gymnasium.register("Locked-v0", lambda: lock and Corridor())
    gymnasium.register("Free-v0", Corridor)
    with pytest.raises(SettingsError, match="cannot be sent to worker processes") as error:
        Registrations.packed(gymnasium.spec("Locked-v0"))
    assert "\n" not in str(error.value)
    packed = Registrations.packed(gymnasium.spec("Free-v0"))
    free, locked = in_a_worker(packed, "Free-v0", "Locked-v0")
    assert free[1] == 6
    assert locked.startswith("InvalidEnvironment: Locked-v0: the environment or network cannot be sent to worker")


def test_one_that_cannot_be_unpacked_ends_only_what_uses_it():
    packed = Registrations.packed()
    packed.entries["Elsewhere-v0"] = b"cno_such_module\nMine\n."
    with pytest.raises(ModuleNotFoundError):
        pickle.loads(packed.entries["Elsewhere-v0"])
    free, elsewhere = in_a_worker(packed, "CartPole-v1", "Elsewhere-v0")
    assert free[0][-1] == "CartPoleEnv"
    assert elsewhere.startswith("InvalidEnvironment: Elsewhere-v0: it cannot be made in a worker: ModuleNotFoundError")

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from a3c.algorithms.ga3c import predictor
from a3c.environments.spaces import Layout
from a3c.learning.snapshot import Snapshot
from a3c.rollout.collector import Collector
from a3c.sharing.duties import Duties, Turns
from a3c.sharing.parameter_store import ParameterStore
from a3c.sharing.prediction_board import PredictionBoard, RemotePolicy
from configs_for_tests import config_with
from environments_for_tests import MODES, counting
from processes_for_tests import PATIENCE, EchoPolicy, InThread, QuietStore, answer, ask_often, processes

B = 3


def make_board(workers, store=None, turns=None):
    layout = Layout((2,), np.dtype(np.float32), (), np.dtype(np.int64), ())
    return PredictionBoard(workers, B, layout, store or QuietStore(), turns)


def learner_for(board, workers, policy=None, snapshot=None):
    """What a predictor sees of a learner: a network whose action is the number that it sees."""
    config = config_with(algorithm="ga3c", workers=workers)
    exchange = SimpleNamespace(board=board)
    current = snapshot or Snapshot(None)
    return SimpleNamespace(config=config, exchange=exchange, policy=policy or EchoPolicy(), current=current)


def numbered(*numbers):
    return np.array([[number, number] for number in numbers], np.float32)


def ask(policy, *numbers):
    return policy.act(None, numbered(*numbers), np.zeros(len(numbers), np.float32), 0.0).tolist()


@pytest.mark.parametrize("predictors", [1, 2])
def test_nobody_gets_the_answer_to_anothers_question(predictors):
    workers, store, ended = 7, QuietStore(), threading.Event()
    board = make_board(workers, store)
    learner = learner_for(board, workers)

    def predict_until_ended():
        try:
            predict = predictor(learner)
            while not ended.is_set():
                predict(0.01)
        finally:
            store.stop_now = True

    serving = [InThread(predict_until_ended) for _ in range(predictors)]
    asking = [InThread(ask_often, board, worker, B, 150) for worker in range(workers)]
    wrong = [thread.answer() for thread in asking]
    ended.set()
    for thread in serving:
        thread.answer()
    assert wrong == [0] * workers
    assert set(learner.policy.batches) <= {1, 2, 4, 7}


def test_nor_do_processes():
    store = ParameterStore(np.zeros(1, np.float32), np.zeros((0, 1), np.float32), 1)
    board, asked = make_board(2, store), 0
    predict = predictor(learner_for(board, 2))
    with processes(*((answer, ask_often, board, worker, B, 100) for worker in range(2))) as remotes:
        while not all(remote.connection.poll() for remote in remotes):
            asked += predict(0.01)
        assert [remote.answer() for remote in remotes] == [0, 0]
    assert 200 <= asked <= 400


def test_those_who_wait_are_answered_in_one_batch_and_its_padding_reaches_nobody():
    asked, turns = threading.Semaphore(0), Turns()
    board = make_board(7, turns=turns)
    learner = learner_for(board, 7)
    predict = predictor(learner)
    # Of a learner that takes note of its turn, and answers later.
    turns.duties, learner.policy.batches = Duties({"note": lambda timeout: bool(asked.release())}), []

    def ask_three_times(worker):
        policy = RemotePolicy(board, worker, learner.policy)
        return [ask(policy, *range(start, start + B)) for start in (10 * worker, 10 * worker + 100, 10 * worker + 200)]

    waiting = [InThread(ask_three_times, worker) for worker in (5, 0, 3)]
    for _ in range(3):
        for _ in waiting:
            assert asked.acquire(timeout=PATIENCE)
        assert predict(0.0)
    for thread, first in zip(waiting, (50, 0, 30), strict=True):
        assert thread.answer() == [[first + more, first + more + 1, first + more + 2] for more in (0, 100, 200)]
    assert not predict(0.0)
    assert learner.policy.batches == [4, 4, 4]


def answering_at_once():
    """A board of one worker, and its learner, that answers within the question."""
    turns = Turns()
    board = make_board(1, turns=turns)
    learner = learner_for(board, 1)
    turns.duties = Duties({"predictor": predictor(learner)})
    return board, learner


def test_a_worker_learns_the_mean_version_of_what_chose_its_actions():
    board, learner = answering_at_once()
    policy = RemotePolicy(board, 0, learner.policy)
    for version in (3, 6, 6):
        learner.current = Snapshot(None, version=version)
        ask(policy, 1, 2, 3)
    learner.current = Snapshot(None, version=100)
    policy.value(None, numbered(1, 2, 3))
    assert policy.take_version() == 5
    ask(policy, 1, 2, 3)
    assert policy.take_version() == 100


def test_who_chooses_learns_what_the_network_says_of_it():
    board, learner = answering_at_once()
    policy = RemotePolicy(board, 0, learner.policy)
    for noise in (0.25, 0.5):
        said = policy.choose(None, numbered(1, 2, 3), np.array([noise, 0, 0], np.float32), 0.5)
        assert [said.actions.tolist(), said.values.tolist(), said.state] == [[1, 2, 3], [2, 4, 6], None]
        assert said.log_probs.tolist() == [5 + noise, 5, 5]
        policy.value(None, numbered(7, 8, 9))


def test_nobody_gets_the_answer_to_a_question_of_one_who_was_killed(looking_often):
    store = QuietStore()
    board = make_board(1, store)
    predict = predictor(learner_for(board, 1))
    killed = InThread(ask, RemotePolicy(board, 0, EchoPolicy()), 1, 2, 3)
    store.wait_until_waiting(killed)
    store.stop_now = True
    assert killed.answer() == "stopped"
    store.stop_now = False
    # Its answer comes before another takes its place, or only then.
    for late in (False, True):
        if not late:
            assert predict(0.0)
        board.reclaim(0)
        if late:
            board._answered[0].put(1)
        asking = InThread(ask, RemotePolicy(board, 0, EchoPolicy()), 4, 5, 6)
        store.wait_until_waiting(asking)
        assert asking.running
        assert predict(0.0)
        assert asking.answer() == [4, 5, 6]


@pytest.mark.parametrize("question", ["act", "value"])
def test_the_end_of_a_run_ends_waiting_for_an_answer(looking_often, question):
    store = QuietStore()
    policy = RemotePolicy(make_board(1, store), 0, EchoPolicy())
    arguments = (np.zeros(B), 0.0) if question == "act" else ()
    worker = InThread(getattr(policy, question), None, numbered(1, 2, 3), *arguments)
    store.wait_until_waiting(worker)
    assert worker.running
    store.stop_now = True
    assert worker.answer() == "stopped"


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("segment_ends", ["steps", "episode"])
@pytest.mark.parametrize("recurrent", [None, "lstm"])
def test_a_segment_is_the_same_wherever_the_network_is(mode, segment_ends, recurrent, make_policy):
    settings = {"segment_length": 6, "segment_ends": segment_ends, "hidden": (), "seed": 0, "recurrent": recurrent}
    config = config_with(algorithm="ga3c", lag_correction="vtrace", **settings)
    environments = [counting(mode, 2, endings=("truncated", "terminated")) for _ in range(2)]
    policy = make_policy(environments[0], config)
    snapshot = Snapshot(np.random.default_rng(0).normal(scale=0.1, size=policy.size).astype(np.float32))
    turns = Turns()
    board = PredictionBoard(1, 2, policy.layout, QuietStore(), turns)
    turns.duties = Duties({"predictor": predictor(learner_for(board, 1, policy, snapshot))})
    remote_policy = RemotePolicy(board, 0, policy)
    here = Collector(environments[0], policy, config, np.random.SeedSequence(3))
    there = Collector(environments[1], remote_policy, config, np.random.SeedSequence(3))
    bootstrapped = 0.0
    for _ in range(4):
        (segment, episodes), (remote, remote_episodes) = here.collect(snapshot, 0.3), there.collect(Snapshot(None), 0.3)
        assert episodes == remote_episodes
        for mine, others in zip(segment, remote, strict=True):
            assert (mine is None) == (others is None)
            if mine is not None:
                np.testing.assert_allclose(mine, others, rtol=1e-5, atol=1e-6)
        assert (segment.first_state is not None) == (recurrent is not None)
        bootstrapped = max(bootstrapped, float(np.abs(segment.rewards % 1).max()))
        remote_policy.take_version()
    assert (bootstrapped > 0.01) == (mode is not AutoresetMode.NEXT_STEP)

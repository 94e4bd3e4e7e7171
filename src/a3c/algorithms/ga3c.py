"""GA3C: A3C with one network for all, in central batches, for a GPU (Babaeizadeh et al. 2017, arXiv 1611.06256; Janisch
2017, "Let's make an A3C").

Workers only step environments. The network is with the learner, whose predictors answer all workers that wait at once,
and whose trainers learn from several segments at once:

    worker, repeat                               predictor, repeat               trainer, repeat
        for T steps:                                 take all who wait               take segments that hold at least
            write observations to the board          actions ~ pi(.; theta)              the minimum batch
            wait for the actions                     write them to the board         d theta <- the gradient of A3C
            step B environments with them            wake who waited                 apply d theta to theta
        put the segment into the queue

The parameters move on between a segment's first step and its update, and even within the segment. The paper keeps that
stable with an epsilon in log(pi + epsilon); V-trace corrects for it (`--lag-correction vtrace`).
"""

import numpy as np

from a3c.algorithm.builtin import GA3CSettings
from a3c.config.schedules import epsilon_at
from a3c.gradient import make_corrected_gradient
from a3c.roles.learner import Learner
from a3c.roles.worker import Worker
from a3c.sharing.duties import Duties, Duty

ADJUST_EVERY = 5.0
"""Seconds for which numbers of threads are tried."""


def run(worker: Worker) -> None:
    """A worker's whole life. It reads no parameters: its policy asks the predictors."""
    queue, policy = worker.exchange.queue, worker.collector.policy
    while worker.running():
        epsilon = epsilon_at(worker.config, worker.index, worker.store.total("steps"))
        segment, episodes = worker.collector.collect(worker.store.read_statistics(), epsilon)
        worker.record(segment, episodes)
        queue.put(segment, policy.take_version())


def duties(learner: Learner) -> Duties:
    """What the threads of the learner do, again and again."""
    own = learner.config.own
    assert isinstance(own, GA3CSettings)
    threads = {"predictor": own.predictors, "trainer": own.trainers}
    adjust = Adjustment(threads, learner.generator) if own.adjust_threads else None
    return Duties({"predictor": predictor(learner), "trainer": trainer(learner)}, threads, adjust)


def predictor(learner: Learner) -> Duty:
    """Answers all workers that wait, in one batch; padded to a few sizes, so that few are compiled."""
    board, policy, workers = learner.exchange.board, learner.policy, learner.config.workers or 1
    sizes = [1 << n for n in range(workers.bit_length()) if 1 << n < workers] + [workers]

    def predict(timeout: float) -> bool:
        waiting = board.waiting(timeout)
        if waiting:
            snapshot = learner.current
            predictions = np.asarray(policy.predict(snapshot, *board.questions(padded(waiting))))
            board.answer(waiting, predictions[: len(waiting)], snapshot.version)
        return bool(waiting)

    def padded(waiting: list[int]) -> list[int]:
        size = next(size for size in sizes if size >= len(waiting))
        return waiting + waiting[:1] * (size - len(waiting))

    for size in sizes:
        policy.predict(learner.current, *board.questions([0] * size))
    return predict


class Adjustment:
    """Tries a predictor or trainer more or less now and then, and keeps it where training is faster (section 4).

    The best numbers depend on the environment, the network and the machine. In turn, the numbers kept so far are
    measured, and a random change by one of them; what is compared is therefore never older than one period.
    """

    def __init__(self, wanted: dict[str, int], generator: np.random.Generator):
        """`wanted` has the numbers of threads by duty; it is changed in place."""
        self._wanted, self._kept, self._generator = wanted, dict(wanted), generator
        self._kept_rate: float | None = None
        self._updates, self._since = 0, -1.0

    def __call__(self, updates: int, now: float) -> None:
        """To be called often, with the updates so far and the time in seconds."""
        if self._since < 0:
            self._updates, self._since = updates, now
        if now - self._since < ADJUST_EVERY:
            return
        rate = (updates - self._updates) / (now - self._since)
        if self._kept_rate is None:
            self._kept_rate = rate
            duty = str(self._generator.choice(list(self._kept)))
            self._wanted[duty] = max(1, self._kept[duty] + int(self._generator.choice((-1, 1))))
        else:
            if rate > self._kept_rate:
                self._kept = dict(self._wanted)
            self._kept_rate = None
            self._wanted.update(self._kept)
        self._updates, self._since = updates, now


def trainer(learner: Learner) -> Duty:
    """Learns from a batch of segments."""
    gradient_of = make_corrected_gradient(learner.policy, learner.config)
    gradient_of(learner.current, learner.no_batch(), 0.0)
    return lambda timeout: learner.train(gradient_of, timeout)

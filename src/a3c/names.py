"""What settings are called elsewhere, and what a name that does not exist may stand for."""

from collections.abc import Callable, Iterable

from a3c.errors import nearest

ELSEWHERE = {
    "environment": "env env_id env_name gym_id",
    "algorithm": "algo",
    "workers": "num_workers n_workers num_processes n_processes num_threads n_threads threads n_jobs",
    "envs_per_worker": "num_envs n_envs num_envs_per_worker num_envs_per_env_runner",
    "seed": "random_seed",
    "steps": "total_timesteps timesteps num_timesteps total_steps max_steps num_env_steps",
    "episodes": "num_episodes n_episodes max_episodes n_eval_episodes",
    "seconds": "max_time time_limit",
    "target_return": "target_reward reward_threshold",
    "max_episode_steps": "max_episode_length max_ep_len horizon",
    "wrappers": "env_wrapper env_wrappers wrapper wrapper_class",
    "import_modules": "import_module gym_packages env_module",
    "frame_skip": "frameskip action_repeat",
    "frame_stack": "num_stack n_stack",
    "normalize_observations": "norm_obs normalize_obs",
    "normalize_rewards": "norm_reward normalize_reward",
    "segment_length": "n_steps num_steps t_max rollout_length unroll_length rollout_fragment_length update_freq",
    "gamma": "discount discount_factor",
    "gae_lambda": "gae use_gae lam lambda_ tau",
    "entropy_coefficient": "ent_coef entropy_coef entropy_coeff entropy_beta entropy_cost beta",
    "value_coefficient": "vf_coef value_coef value_loss_coef vf_loss_coeff baseline_cost",
    "normalize_advantages": "norm_adv normalize_advantage",
    "learning_rate": "lr alpha step_size actor_lr critic_lr",
    "learning_rate_final": "anneal_lr final_lr lr_decay lr_schedule",
    "max_gradient_norm": "max_grad_norm grad_clip clip_grad gradient_clip",
    "optimizer": "optim",
    "min_batch": "batch_size minibatch_size train_batch_size",
    "reward_clip": "clip_reward clip_rewards",
    "network": "policy model",
    "hidden": "net_arch hidden_size hidden_sizes hidden_units hidden_dim fcnet_hiddens",
    "activation": "activation_fn",
    "recurrent": "lstm gru use_lstm",
    "recurrent_units": "lstm_size lstm_hidden_size",
    "run": "log_dir logdir output_dir save_dir save_path run_dir exp_name",
    "progress": "verbose progress_bar",
    "tensorboard": "tensorboard_log",
    "checkpoint_interval": "save_freq save_interval",
    "report_interval": "log_interval",
    "repeats": "num_seeds n_seeds",
    "video": "capture_video save_video record",
}
"""Our name of a setting, and what Stable-Baselines3, CleanRL, RLlib and tutorials call it."""


def called(name: str, names: Iterable[str], spell: Callable[[str], str] = str) -> str:
    """`; it is called 'learning_rate' here`, or the nearest of the names, or nothing, for an error about a name.

    `spell` gives a name as it is written there, as a flag for example.
    """
    names, plain = list(names), name.lower().strip("-").replace("-", "_")
    for ours, theirs in ELSEWHERE.items():
        if ours in names and plain in theirs.split():
            return f"; it is called {spell(ours)!r} here"
    return nearest(plain, names, spell)

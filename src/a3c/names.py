"""What settings are called elsewhere, and what a name that does not exist may stand for."""

from collections.abc import Callable, Iterable

from a3c.errors import nearest

ELSEWHERE = {
    "environment": "env env_id env_name gym_id",
    "algorithm": "algo",
    "workers": "num_workers n_workers num_env_runners num_processes n_processes num_threads n_threads n_jobs",
    "envs_per_worker": "num_envs n_envs num_envs_per_worker num_envs_per_env_runner",
    "seed": "random_seed",
    "steps": "total_timesteps timesteps num_timesteps total_steps max_steps num_env_steps n_timesteps stop_timesteps",
    "episodes": "num_episodes n_episodes max_episodes n_eval_episodes eval_episodes",
    "seconds": "max_time time_limit",
    "target_return": "target_reward reward_threshold stop_reward",
    "max_episode_steps": "max_episode_length max_ep_len horizon",
    "wrappers": "env_wrapper env_wrappers wrapper wrapper_class",
    "import_modules": "import_module gym_packages env_module",
    "frame_skip": "frameskip action_repeat",
    "frame_stack": "num_stack n_stack nstack",
    "normalize_observations": "norm_obs normalize_obs",
    "normalize_rewards": "norm_reward normalize_reward",
    "segment_length": "n_steps num_steps t_max rollout_length unroll_length rollout_fragment_length max_seq_len",
    "gamma": "discount discount_factor",
    "gae_lambda": "gae use_gae lam lambda_ tau",
    "entropy_coefficient": "ent_coef entropy_coef entropy_coeff entropy_beta entropy_cost beta",
    "value_coefficient": "vf_coef value_coef value_loss_coef vf_loss_coeff baseline_cost",
    "normalize_advantages": "norm_adv normalize_advantage",
    "learning_rate": "lr alpha step_size actor_lr critic_lr",
    "learning_rate_final": "anneal_lr final_lr lr_decay lr_schedule",
    "max_gradient_norm": "max_grad_norm grad_clip clip_grad gradient_clip",
    "optimizer": "optim optimizer_class use_rms_prop",
    "optimizer_options": "rms_prop_eps optim_args optimizer_kwargs adam_eps adam_epsilon",
    "min_batch": "batch_size train_batch_size train_batch_size_per_learner",
    "minibatch_size": "batch_size sgd_minibatch_size num_minibatches n_minibatches",
    "passes": "n_epochs update_epochs num_epochs num_sgd_iter epochs",
    "clip_range": "clip_coef clip_param clip_ratio clip_eps",
    "value_clip_range": "clip_range_vf vf_clip_param clip_vloss",
    "target_kl": "kl_target",
    "target_interval": "target_update_interval target_network_frequency target_network_update_freq target_update_freq",
    "epsilon": "eps exploration_initial_eps start_e initial_epsilon",
    "epsilon_final": "exploration_final_eps end_e final_epsilon",
    "epsilon_anneal_steps": "exploration_fraction epsilon_timesteps",
    "action_std": "use_sde",
    "hold_noise": "sde_sample_freq",
    "reward_scale": "reward_scaling",
    "episodic_life": "terminal_on_life_loss",
    "reward_clip": "clip_reward clip_rewards",
    "network": "policy model",
    "hidden": "net_arch hidden_size hidden_sizes hidden_units hidden_dim fcnet_hiddens",
    "activation": "activation_fn fcnet_activation",
    "recurrent": "lstm gru use_lstm",
    "recurrent_units": "lstm_size lstm_hidden_size",
    "run": "log_dir logdir output_dir save_dir save_path run_dir exp_name",
    "log": "tensorboard no_tensorboard tensorboard_log track logger loggers report_to wandb mlflow trackio use_wandb "
    "wandb_project_name",
    "progress": "verbose progress_bar show_progress",
    "checkpoint_interval": "save_freq save_interval checkpoint_freq checkpoint_frequency",
    "report_interval": "log_interval",
    "evaluate_every": "eval_freq evaluation_interval eval_interval",
    "evaluation_episodes": "eval_episodes n_eval_episodes evaluation_duration",
    "evaluation_environment": "eval_env",
    "greedy": "deterministic",
    "config": "conf_file hyperparams",
    "resume": "load load_checkpoint trained_agent",
    "repeats": "num_seeds n_seeds",
    "video": "capture_video save_video record",
    "observations": "obs observation states",
    "actions": "acts action",
    "rewards": "rews reward",
    "terminations": "terminals terminated dones done",
    "truncations": "timeouts truncated dones done",
    "held_out": "validation_split val_split test_size",
}
"""Our name of a setting, or of an array, and what Stable-Baselines3, CleanRL, RLlib and tutorials call it."""

NOT_HERE = {
    "device cuda gpu num_gpus num_gpus_per_learner": "a learner (ga3c, impala, impact) uses a GPU by itself",
    "torch_deterministic": "one seed gives one result with a2c, or with `ordered`",
    "learning_starts warmup_steps replay_size save_replay_buffer": "nothing is replayed",
    "train_freq gradient_steps": "there is an update for each segment, of `segment_length` steps",
    "policy_kwargs": "its layers are settings: `network`, `hidden`, `activation`",
    "framework": "it is JAX",
    "capture_video save_video record render render_mode": "watch it with a3c play RUN, or film it with --video FILE",
    "episode_start episode_starts": "the state is None where an episode starts, and in a batch its rows there are 0",
    "custom_objects": "a3c.resume(RUN, learning_rate=...) goes on with other settings",
    "reset_num_timesteps": "what is called again goes on with its steps and schedules",
}
"""What they have and we have not, and what to do instead."""


def called(name: str, names: Iterable[str], spell: Callable[[str], str] = str) -> str:
    """`; it is called 'learning_rate' here`, or what to do instead, or the nearest of the names, or nothing, for an
    error about a name.

    `spell` gives a name as it is written there, as a flag for example.
    """
    names, plain = list(names), name.lower().strip("-").replace("-", "_")
    if same := [spell(ours) for ours, theirs in ELSEWHERE.items() if ours in names and plain in theirs.split()]:
        return f"; it is called {' or '.join(map(repr, same))} here"
    for theirs, instead in NOT_HERE.items():
        if plain in theirs.split():
            return f": {instead}"
    return nearest(plain, names, spell)

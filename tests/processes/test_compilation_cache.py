"""What is compiled is kept; what was compiled before is known."""

from pathlib import Path

from a3c.processes.compilation_cache import mark_of, use_compilation_cache


def test_without_a_home_nothing_is_cached(monkeypatch):
    import jax

    def nobody():
        raise RuntimeError("Could not determine home directory.")

    before = jax.config.jax_compilation_cache_dir
    for name in ("JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    try:
        assert use_compilation_cache() is None
        assert jax.config.jax_compilation_cache_dir is None
    finally:
        jax.config.update("jax_compilation_cache_dir", before)


def test_a_mark_is_of_what_it_is_for(tmp_path):
    settings = {"hidden": (8,), "gamma": 0.9}
    mark = mark_of(tmp_path, settings)
    assert mark == mark_of(tmp_path, dict(settings))
    assert mark.parent == tmp_path
    assert mark != mark_of(tmp_path, settings | {"hidden": (9,)})

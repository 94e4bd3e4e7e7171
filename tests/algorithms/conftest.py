import jax
import pytest


@pytest.fixture(scope="session", autouse=True)
def workers_compile_once(compile_once):
    """Worker processes keep their compiled programs where those of the tests are, not in the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", jax.config.jax_compilation_cache_dir)
        yield

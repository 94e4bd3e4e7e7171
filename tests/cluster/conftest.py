import jax
import pytest


@pytest.fixture(scope="session", autouse=True)
def stations_compile_once(compile_once):
    """Workers of stations keep their compiled programs where those of the tests are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", jax.config.jax_compilation_cache_dir)
        yield

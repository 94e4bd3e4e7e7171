"""What users reported of agents whose episodes never end, and of films of what they play."""

import importlib.util

import pytest
from odd_environments import Endless, Undrawable
from PIL import Image

import a3c
from a3c import A3C, playing
from a3c.errors import InvalidEnvironment, SettingsError
from a3c.playing import play


@pytest.fixture(scope="module")
def endless():
    """An agent whose episodes never end."""
    return A3C(Endless, backend="inline", seed=1, envs_per_worker=2, recurrent="gru", hidden=(4,))


def test_evaluation_of_what_never_ends_comes_to_an_end(endless):
    evaluation = endless.evaluate(episodes=35, max_episode_steps=20)
    assert evaluation.returns == [20.0] * 35
    assert (set(evaluation.lengths), evaluation.cut) == ({20}, 35)


def test_playing_what_never_ends_comes_to_an_end(endless, tmp_path):
    said = []
    returns = play(endless, 2, tmp_path / "film.gif", max_episode_steps=6, say=said.append)
    assert returns == [6.0, 6.0]
    assert said[1:3] == [f"episode {n}: return 6, cut after 6 steps without an end" for n in (1, 2)]
    assert said[3].startswith(f"video    {tmp_path / 'film.gif'} (14 frames, ")
    # Frames of 8x8 pixels, enlarged.
    with Image.open(tmp_path / "film.gif") as film:
        assert film.size == (640, 640)


def test_a_film_is_written_whole_or_not_at_all(endless, tmp_path, monkeypatch):
    pytest.importorskip("imageio_ffmpeg")
    play(endless, 1, tmp_path / "film.mp4", filmstrip=tmp_path / "strip.png", max_episode_steps=6, say=list)
    assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "strip.png"]
    before = (tmp_path / "film.mp4").read_bytes()

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("imageio.v3.imwrite", interrupted)
    monkeypatch.setattr("PIL.Image.Image.save", interrupted)
    for film in ("film.mp4", "film.gif"):
        with pytest.raises(KeyboardInterrupt):
            play(endless, 1, tmp_path / film, max_episode_steps=6, say=list)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "strip.png"]
    assert (tmp_path / "film.mp4").read_bytes() == before


def test_a_film_ends_before_it_fills_the_memory(endless, tmp_path, monkeypatch):
    monkeypatch.setattr(playing, "FILM_BYTES", 5 * 8 * 8 * 3)
    said = []
    assert play(endless, 2, tmp_path / "film.gif", say=said.append) == []
    _, filmed, video = said
    assert filmed.startswith("filmed   the first 5 frames, which fill ")
    assert "(5 frames, " in video


def test_what_draws_an_environment_and_is_not_installed_is_named(endless, tmp_path):
    with pytest.raises(InvalidEnvironment) as refused:
        play(A3C(Undrawable, backend="inline", seed=1), 1, tmp_path / "film.gif")
    what_to_do = "in a clone of a3c, pip install '.[render]'"
    assert str(refused.value) == f"Undrawable needs the module pygame, which is not installed: {what_to_do}"
    assert list(tmp_path.iterdir()) == []


def test_what_takes_no_render_mode_is_said_to_show_nothing(tmp_path):
    agent = a3c.RandomAgent("odd_environments:Walk", backend="inline", seed=1)
    with pytest.raises(InvalidEnvironment, match=r"^odd_environments:Walk takes no render_mode, so there is nothing"):
        play(agent, 1, tmp_path / "film.gif")
    assert list(tmp_path.iterdir()) == []


def test_mp4_without_the_video_extra_is_refused(endless, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "imageio" in name else find(name))
    with pytest.raises(SettingsError) as refused:
        play(endless, 1, tmp_path / "film.mp4")
    what_to_do = "in a clone of a3c, pip install '.[video]'"
    assert str(refused.value) == f"`video` {tmp_path / 'film.mp4'}: writing .mp4 needs the video extra: {what_to_do}"

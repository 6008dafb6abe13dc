"""What drives the generated market: moods of volatility, drift and volume, shocks and jumps, a day at a time.

Returns of an instrument are volatility × (its crowd's factor and its own shock, both heavy-tailed) plus
jumps, its own and its crowd's. Volatility is a product of moods that remember from an hour to weeks, shared
and own, times the season. A day is a pure function of (seed, day, state at its midnight).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from engine.exchange.simulator.character import (
    CHARACTERS,
    CROWD_DRIFT,
    CROWD_JUMPS,
    CROWD_OF,
    CROWD_VOLATILITY,
    CROWD_VOLUME,
    CROWDS,
    GLOBAL_LOADING,
    LEVERAGE,
    OWN_DRIFT,
    OWN_VOLATILITY,
    OWN_VOLUME,
    TAILS,
    VOLUME_NOISE,
    Mood,
)
from engine.exchange.simulator.seasons import BARS_A_DAY, season
from engine.exchange.simulator.specs import InstrumentSpec
from engine.exchange.simulator.wild_days import AFTERSHOCK, wild_moves
from engine.model import AssetClass, FloatArray

_BARS_A_YEAR = 365.25 * BARS_A_DAY
_WIDEST = 20.0
_BOUNCE = 0.035
"""Moving-average coefficient: what market makers take back of each 5-minute move."""
_HOME_DAYS = 150.0
"""Prices drift home to the typical price, with this memory, or a year at 120x would reach zero."""
_JUMP_FLOOR, _JUMP_TAIL, _JUMP_CAP = 4.2, 3.4, 14.0
_JUMP_JOIN = 0.62
_JUMP_KICK = 0.26
_WILDEST_MOOD = 1.5
"""Log volatility above its usual level is held below this: four and a half times the usual."""
_MOOD_BIAS = sum(mood.sd**2 for mood in (*CROWD_VOLATILITY, *OWN_VOLATILITY))
"""Log-normal moods of variance s² raise the mean square by exp(2 s²)."""
_REFERENCE_WEEK = range(20_513, 20_520)


@dataclass(frozen=True, slots=True)
class Cast:
    """The instruments as arrays of shape (n,): everything about them that does not change."""

    specs: tuple[InstrumentSpec, ...]
    crowd: tuple[int, ...]
    sigma: FloatArray
    loading: FloatArray
    roughness: FloatArray
    wild: FloatArray
    jump_rate: FloatArray

    @classmethod
    def of(cls, specs: Sequence[InstrumentSpec]) -> Cast:
        characters = [CHARACTERS[spec.base] for spec in specs]
        return cls(
            specs=tuple(specs),
            crowd=tuple(CROWD_OF[spec.asset_class] for spec in specs),
            sigma=np.array([item.annual_vol for item in characters]) / _BARS_A_YEAR**0.5,
            loading=np.array([item.loading for item in characters]),
            roughness=np.array([item.roughness for item in characters]),
            wild=np.array([item.wild for item in characters]),
            jump_rate=np.array([item.jumps_a_day for item in characters]) / BARS_A_DAY,
        )


@dataclass(frozen=True, slots=True)
class State:
    """What midnight leaves to the next day. Moods are (moods, crowds) or (moods, n); the rest (n,)."""

    log_price: FloatArray
    bounce: FloatArray
    crowd_volatility: FloatArray
    own_volatility: FloatArray
    crowd_drift: FloatArray
    own_drift: FloatArray
    crowd_volume: FloatArray
    own_volume: FloatArray


@dataclass(frozen=True, slots=True)
class LatentDay:
    """Log returns of 288 bars, (n, 288): `move` close to close, `up` and `down` ≥ 0 the reach beyond the
    open, `log_volume` around the typical turnover; `log_open` (n,) relative to the typical price."""

    log_open: FloatArray
    move: FloatArray
    up: FloatArray
    down: FloatArray
    log_volume: FloatArray


def _still(moods: Sequence[Mood], width: int, rng: np.random.Generator) -> FloatArray:
    return np.stack([mood.sd * rng.standard_normal(width) for mood in moods])


def first_state(cast: Cast, seed: int) -> State:
    """A draw from the long-run distribution of every mood, at the typical prices."""
    rng = np.random.default_rng((seed, 0))
    n, crowds = len(cast.specs), len(CROWDS)
    return State(
        log_price=np.zeros(n),
        bounce=np.zeros(n),
        crowd_volatility=_still(CROWD_VOLATILITY, crowds, rng),
        own_volatility=_still(OWN_VOLATILITY, n, rng),
        crowd_drift=_still((CROWD_DRIFT,), crowds, rng),
        own_drift=_still((OWN_DRIFT,), n, rng),
        crowd_volume=_still(CROWD_VOLUME, crowds, rng),
        own_volume=_still(OWN_VOLUME, n, rng),
    )


@cache
def _fading(mood: Mood) -> tuple[float, FloatArray]:
    """How hard a unit shock pushes the mood, and what is left of it after 1, 2, … 288 bars."""
    memory = float(np.exp(-1 / (12 * mood.hours)))
    fading = memory ** np.arange(1, BARS_A_DAY + 1)
    return mood.sd * (1 - memory**2) ** 0.5, np.asarray(fading, dtype=np.float64)


def _run(moods: Sequence[Mood], last: FloatArray, shocks: FloatArray) -> FloatArray:
    """The moods through the day, (moods, rows, 288), driven by unit `shocks` of that shape."""
    days = np.empty_like(shocks)
    for place, mood in enumerate(moods):
        push, fading = _fading(mood)
        # x_t = m x_{t-1} + e_t, solved at once: x_t = m^t (x_0 + sum of e_k / m^k); m^288 stays far from 0.
        days[place] = fading * (last[place][:, None] + np.cumsum(push * shocks[place] / fading, axis=-1))
    return days


def _mixing(rng: np.random.Generator, tails: FloatArray) -> FloatArray:
    """Square roots of inverse-gamma weights of mean square 1: normal shocks times these are Student's."""
    half = tails[:, None] / 2
    weights = (half - 1) / rng.standard_gamma(half, (len(tails), BARS_A_DAY))
    return np.sqrt(np.minimum(weights, _WIDEST))


def _jumps(rng: np.random.Generator, rates: FloatArray, move: FloatArray) -> FloatArray:
    """Signed sizes in 15-minute sigmas, mostly 0, (rows, 288); likelier while the market is awake."""
    happens = rng.random(move.shape) < rates[:, None] * move
    size = np.minimum(_JUMP_FLOOR * rng.random(move.shape) ** (-1 / _JUMP_TAIL), _JUMP_CAP)
    return np.where(happens, size * np.where(rng.random(move.shape) < 0.51, -1.0, 1.0), 0.0)


@cache
def _mean_square(asset_class: AssetClass) -> float:
    return float(np.mean([season(asset_class, day)[0] ** 2 for day in _REFERENCE_WEEK]))


def _seasons(cast: Cast, day: int) -> tuple[FloatArray, FloatArray]:
    """(move, volume) factors (n, 288); a week's mean square of the first is 1."""
    by_class = {kind: season(kind, day) for kind in {spec.asset_class for spec in cast.specs}}
    moves = {kind: move / _mean_square(kind) ** 0.5 for kind, (move, _) in by_class.items()}
    move = np.stack([moves[spec.asset_class] for spec in cast.specs])
    return move, np.stack([by_class[spec.asset_class][1] for spec in cast.specs])


@dataclass(frozen=True, slots=True)
class _Shocks:
    """Everything random of a day, drawn in one order."""

    factor: FloatArray
    crowd_width: FloatArray
    own: FloatArray
    own_width: FloatArray
    crowd_jumps: FloatArray
    joins: FloatArray
    own_jumps: FloatArray
    crowd_moods: FloatArray
    own_moods: FloatArray
    reach: FloatArray
    volume_noise: FloatArray


_CROWD_MOODS = len(CROWD_VOLATILITY) + 1 + len(CROWD_VOLUME)
_OWN_MOODS = len(OWN_VOLATILITY) + 1 + len(OWN_VOLUME)


def _draw(cast: Cast, rng: np.random.Generator, move: FloatArray) -> _Shocks:
    n, crowds = len(cast.specs), len(CROWDS)
    together = rng.standard_normal((1, BARS_A_DAY))
    ties = np.array(GLOBAL_LOADING)[:, None]
    factor = ties * together + np.sqrt(1 - ties**2) * rng.standard_normal((crowds, BARS_A_DAY))
    awake = np.stack([move[[c == k for c in cast.crowd]].mean(axis=0) for k in range(crowds)])
    return _Shocks(
        factor=factor,
        crowd_width=_mixing(rng, np.array(TAILS)),
        own=rng.standard_normal((n, BARS_A_DAY)),
        own_width=_mixing(rng, np.array(TAILS)[list(cast.crowd)]),
        crowd_jumps=_jumps(rng, np.array(CROWD_JUMPS) / BARS_A_DAY, awake),
        joins=rng.random((n, BARS_A_DAY)),
        own_jumps=_jumps(rng, cast.jump_rate, move),
        crowd_moods=rng.standard_normal((_CROWD_MOODS, crowds, BARS_A_DAY)),
        own_moods=rng.standard_normal((_OWN_MOODS, n, BARS_A_DAY)),
        reach=rng.random((2, n, BARS_A_DAY)),
        volume_noise=rng.standard_normal((n, BARS_A_DAY)),
    )


def _kicked(noise: FloatArray, jumps: FloatArray, mood: Mood) -> FloatArray:
    """Shocks of a fast mood after each jump has stirred it, from the next bar on."""
    memory = float(np.exp(-1 / (12 * mood.hours)))
    kicked = noise.copy()
    kicked[:, 1:] += _JUMP_KICK * np.sqrt(np.abs(jumps[:, :-1])) / (mood.sd * (1 - memory**2) ** 0.5)
    return kicked


def _crowd_volatility(state: State, shocks: _Shocks) -> FloatArray:
    """The crowds' log-volatility moods, (moods, crowds, 288). Falls stir them (leverage), and jumps."""
    ties = np.array(LEVERAGE)[:, None]
    stirred = shocks.crowd_moods[: len(CROWD_VOLATILITY)].copy()
    stirred[0] = _kicked(stirred[0], shocks.crowd_jumps, CROWD_VOLATILITY[0])
    for place in (1, 2):
        stirred[place] = ties * shocks.factor + np.sqrt(1 - ties**2) * stirred[place]
    return _run(CROWD_VOLATILITY, state.crowd_volatility, stirred)


def _own_volatility(state: State, shocks: _Shocks) -> FloatArray:
    own = shocks.own_moods[: len(OWN_VOLATILITY)].copy()
    own[0] = _kicked(own[0], shocks.own_jumps, OWN_VOLATILITY[0])
    return _run(OWN_VOLATILITY, state.own_volatility, own)


@dataclass(frozen=True, slots=True)
class _Moods:
    """Every mood through the day, (moods, rows, 288)."""

    crowd_volatility: FloatArray
    own_volatility: FloatArray
    crowd_drift: FloatArray
    own_drift: FloatArray
    crowd_volume: FloatArray
    own_volume: FloatArray


def _moods(state: State, shocks: _Shocks) -> _Moods:
    crowd_vols, own_vols = len(CROWD_VOLATILITY), len(OWN_VOLATILITY)
    return _Moods(
        crowd_volatility=_crowd_volatility(state, shocks),
        own_volatility=_own_volatility(state, shocks),
        crowd_drift=_run((CROWD_DRIFT,), state.crowd_drift, shocks.crowd_moods[crowd_vols : crowd_vols + 1]),
        own_drift=_run((OWN_DRIFT,), state.own_drift, shocks.own_moods[own_vols : own_vols + 1]),
        crowd_volume=_run(CROWD_VOLUME, state.crowd_volume, shocks.crowd_moods[crowd_vols + 1 :]),
        own_volume=_run(OWN_VOLUME, state.own_volume, shocks.own_moods[own_vols + 1 :]),
    )


@dataclass(frozen=True, slots=True)
class _Moves:
    """Diffusive log returns, their conditional width, and everything that jumped, all (n, 288)."""

    smooth: FloatArray
    width: FloatArray
    jumped: FloatArray


def _moves(cast: Cast, state: State, shocks: _Shocks, moods: _Moods, sigma: FloatArray) -> _Moves:
    crowd, loading = list(cast.crowd), cast.loading[:, None]
    rest = np.sqrt(1 - loading**2)
    crowd_width, own_width = shocks.crowd_width[crowd], shocks.own_width
    shock = loading * crowd_width * shocks.factor[crowd] + rest * own_width * shocks.own
    drift = moods.crowd_drift[0][crowd] + moods.own_drift[0]
    home = -state.log_price[:, None] / (_HOME_DAYS * BARS_A_DAY)
    smooth = sigma * (shock + drift)
    previous = np.concatenate([state.bounce[:, None], smooth[:, :-1]], axis=1)
    joined = np.where(shocks.joins < _JUMP_JOIN * (0.5 + 0.6 * loading), shocks.crowd_jumps[crowd], 0.0)
    jumped = (joined * loading + shocks.own_jumps) * sigma * 3**0.5
    width = sigma * np.sqrt((loading * crowd_width) ** 2 + (rest * own_width) ** 2)
    return _Moves(smooth - _BOUNCE * previous + home, width, jumped)


def _reach(smooth: FloatArray, width: FloatArray, draws: FloatArray) -> FloatArray:
    """How far a Brownian path of `width` that ends at `smooth` got above its start (exact law of the
    maximum of a bridge)."""
    return np.asarray(0.5 * (smooth + np.sqrt(smooth**2 - 2 * width**2 * np.log(draws))))


def _log_volume(
    moods: _Moods, crowd: list[int], sigma_mood: FloatArray, surprise: FloatArray, noise: FloatArray
) -> FloatArray:
    """Log volume without season: moods of its own, volatility, and the size of the bar's own move."""
    own = moods.own_volume.sum(axis=0) + moods.crowd_volume.sum(axis=0)[crowd]
    return np.asarray(own + VOLUME_NOISE * noise + 0.7 * sigma_mood + 0.62 * np.log(0.25 + surprise))


def _aftershock(wild: bool) -> FloatArray:
    """Added to the crowds' volatility moods (moods, crowds) at the end of a wild day."""
    after = np.zeros((len(CROWD_VOLATILITY), len(CROWDS)))
    after[:3, 0] = np.array([0.6, 0.4, 0.2]) * AFTERSHOCK * wild
    return after


def next_day(cast: Cast, seed: int, day: int, state: State, wild: bool) -> tuple[LatentDay, State]:
    """UTC `day` (days since 1970) and the state that it leaves. `wild` adds the day nobody forgets."""
    rng = np.random.default_rng((seed, day))
    crowd = list(cast.crowd)
    move_season, volume_season = _seasons(cast, day)
    shocks = _draw(cast, rng, move_season)
    moods = _moods(state, shocks)
    sigma_mood = moods.crowd_volatility.sum(axis=0)[crowd] + moods.own_volatility.sum(axis=0)
    sigma_mood = np.minimum(sigma_mood, _WILDEST_MOOD)
    sigma = cast.sigma[:, None] * move_season * np.exp(sigma_mood - _MOOD_BIAS)
    extra, panic = wild_moves(cast.wild) if wild else (np.zeros((1, 1)), np.ones(1))
    moves = _moves(cast, state, shocks, moods, sigma * panic)
    # A jump in the rush of New York's open is no larger than one in the calm after it.
    jumped = moves.jumped / np.maximum(move_season, 1) + extra
    width = moves.width * cast.roughness[:, None]
    move = moves.smooth + jumped
    up = _reach(moves.smooth, width, shocks.reach[0]) + np.maximum(jumped, 0)
    down = _reach(-moves.smooth, width, shocks.reach[1]) + np.maximum(-jumped, 0)
    log_volume = _log_volume(moods, crowd, sigma_mood, np.abs(move) / sigma, shocks.volume_noise) + np.log(
        volume_season
    )
    latent = LatentDay(state.log_price, move, up, down, log_volume)
    left = State(
        log_price=state.log_price + move.sum(axis=1),
        bounce=moves.smooth[:, -1],
        crowd_volatility=moods.crowd_volatility[..., -1] + _aftershock(wild),
        own_volatility=moods.own_volatility[..., -1],
        crowd_drift=moods.crowd_drift[..., -1],
        own_drift=moods.own_drift[..., -1],
        crowd_volume=moods.crowd_volume[..., -1],
        own_volume=moods.own_volume[..., -1],
    )
    return latent, left

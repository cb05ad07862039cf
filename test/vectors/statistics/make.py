"""Makes statistics.json: reference figures for the statistics of monitoring and learning.

Run with Debian 12's python3-sklearn 1.2.1, python3-scipy 1.10.1, python3-numpy 1.24.2:
    /usr/bin/python3 make.py > statistics.json

AUC, Brier score, reliability table and isotonic regression are scikit-learn's own. DeLong's variance is put together from
scipy.stats.percentileofscore(kind='mean'), which is a placement value, and numpy.cov, by the definition of DeLong, DeLong
and Clarke-Pearson (1988), not by the ranks that the project uses. PSI is entropy(p, q) + entropy(q, p) of scipy.
The deflated Sharpe ratio's example is the one of Bailey and Lopez de Prado (2014), "The Deflated Sharpe Ratio", p. 9.
"""
import json
import sys

import numpy as np
from scipy.stats import entropy, norm, percentileofscore
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, roc_auc_score


def placements(scores, labels):
    up, down = scores[labels == 1], scores[labels == 0]
    v10 = np.array([percentileofscore(down, s, kind="mean") / 100 for s in up])
    v01 = np.array([1 - percentileofscore(up, s, kind="mean") / 100 for s in down])
    return v10, v01


def delong(scores, labels):
    v10, v01 = placements(scores, labels)
    return float(v10.mean()), float(np.sqrt(v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01)))


def paired(a, b, labels):
    a10, a01 = placements(a, labels)
    b10, b01 = placements(b, labels)
    s = np.cov(a10, b10) / len(a10) + np.cov(a01, b01) / len(a01)
    se = float(np.sqrt(s[0, 0] + s[1, 1] - 2 * s[0, 1]))
    difference = float(a10.mean() - b10.mean())
    return {"difference": difference, "standardError": se, "pGreater": float(norm.sf(difference / se))}


rng = np.random.default_rng(20140701)
cases = []
for n, digits, drift in ((30, 2, 0.3), (60, 1, 0.0), (400, 2, 0.5), (1000, 16, 0.15)):
    labels = rng.integers(0, 2, n)
    latent = rng.normal(size=n) + drift * labels
    scores = np.round(1 / (1 + np.exp(-latent)), digits)
    other = np.round(1 / (1 + np.exp(-(0.6 * latent + 0.8 * rng.normal(size=n)))), digits)
    auc, se = delong(scores, labels)
    assert abs(auc - roc_auc_score(labels, scores)) < 1e-12
    z = norm.ppf(0.975)
    edges = np.linspace(0, 1, 11)
    share, mean = calibration_curve(labels, scores, n_bins=10)
    isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels)
    grid = np.linspace(0, 1, 21)
    cases.append({
        "labels": labels.tolist(), "scores": scores.tolist(), "other": other.tolist(),
        "auc": float(roc_auc_score(labels, scores)), "standardError": se,
        "low": max(0.0, auc - z * se), "high": min(1.0, auc + z * se),
        "paired": paired(scores, other, labels),
        "brier": float(brier_score_loss(labels, scores)),
        "reliability": [{"meanProbability": float(m), "shareUp": float(s)} for m, s in zip(mean, share)],
        "isotonicAt": grid.tolist(), "isotonic": isotonic.predict(grid).tolist(),
    })

psi = []
for counts, window in (([100] * 10, [120, 80, 100, 90, 110, 100, 100, 95, 105, 100]), ([50, 30, 20], [10, 30, 60]), ([7, 13, 80], [8, 12, 80])):
    p, q = np.array(counts) / sum(counts), np.array(window) / sum(window)
    psi.append({"counts": counts, "window": window, "psi": float(entropy(p, q) + entropy(q, p))})

normal = [{"p": p, "z": float(norm.ppf(p))} for p in (1e-12, 1e-6, 0.001, 0.025, 0.2, 0.5, 0.61, 0.9, 0.975, 0.999999)]
cdf = [{"z": z, "p": float(norm.cdf(z))} for z in (-8.0, -3.5, -1.2, -0.3, 0.0, 0.4, 1.0, 1.96, 2.7, 5.5)]

# Bailey and Lopez de Prado (2014): N = 100 trials, variance of annual Sharpe ratios 1/2, T = 1250 days, annual Sharpe 2.5,
# skewness -3, kurtosis 10; printed there: SR0 = 0.1132, DSR = 0.9004.
trials, variance, bars, sharpe, skew, kurt = 100, 0.5 / 250, 1250, 2.5 / np.sqrt(250), -3.0, 10.0
euler = 0.5772156649015329
sr0 = np.sqrt(variance) * ((1 - euler) * norm.ppf(1 - 1 / trials) + euler * norm.ppf(1 - 1 / (trials * np.e)))
dsr = norm.cdf((sharpe - sr0) * np.sqrt(bars - 1) / np.sqrt(1 - skew * sharpe + (kurt - 1) / 4 * sharpe**2))
deflated = {"trials": trials, "variance": variance, "bars": bars, "sharpe": sharpe, "skewness": skew, "kurtosis": kurt,
            "expectedMaximum": float(sr0), "probability": float(dsr)}

json.dump({"cases": cases, "psi": psi, "normalQuantile": normal, "normalCdf": cdf, "deflatedSharpe": deflated}, sys.stdout)

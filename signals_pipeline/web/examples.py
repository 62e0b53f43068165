"""Examples for the API's description; a test validates them against its schemas."""

from typing import Any

_LINE = {
    "label": "All signals, live",
    "horizon": 5,
    "n": 64,
    "n_dates": 31,
    "hits": 37,
    "hit_rate": 0.578125,
    "low": 0.4561,
    "high": 0.6913,
    "base_rate": 0.5034,
    "mean_net_return": 0.0021,
    "clustered_se": 0.0019,
    "enough": True,
}
_CONTRIBUTIONS = [
    {
        "kind": "story",
        "story_id": "4f1c0d8e5a7b9263",
        "title": "Exxon Mobil beats on refining, cuts its buyback",
        "url": "https://news.example/xom",
        "source": "Example Wire",
        "published_at": "2015-02-02T23:10:00Z",
        "known_at": "2015-02-02T23:10:00Z",
        "event": "results",
        "role": "subject",
        "headlines": 3,
        "told": False,
        "tone": -0.71,
        "weight": 1.24,
        "contribution": -0.31,
        "without": -0.08,
    },
    {
        "kind": "technical",
        "name": "trend",
        "value": -1.4,
        "component": -0.35,
        "weight": 0.3,
        "contribution": -0.08,
    },
]
_SIGNAL: dict[str, Any] = {
    "id": "2015-02-02-17:30-XOM-SELL",
    "symbol": "XOM",
    "signal_type": "SELL",
    "lifecycle": "new",
    "confidence_score": 0.87,
    "combined_score": -0.39,
    "news_title": "Exxon Mobil beats on refining, cuts its buyback",
    "news_url": "https://news.example/xom",
    "source": "news_driven_ml",
    "event": "results",
    "reaction": -1.3,
    "mode": "live",
    "decided_at": "2015-02-03T13:30:00Z",
    "expires_at": "2015-02-10T13:30:00Z",
    "contributions": _CONTRIBUTIONS,
}
DIGEST: dict[str, Any] = {
    "window": "2015-02-02-17:30",
    "label": "Mon 2 Feb 17:30 to Tue 3 Feb 2015 08:30 ET",
    "as_of": "2015-02-03T13:30:00Z",
    "kind": "full",
    "mode": "live",
    "deployment": "production",
    "subject": "1 new: XOM",
    "market": "Market opens today, 09:30 to 16:00 ET.",
    "model": "compact int8 @0123456789ab",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "coverage": {
        "evidence_start": "2015-02-02T22:30:00Z",
        "evidence_end": "2015-02-03T13:30:00Z",
        "gap_minutes": 0,
        "missing_windows": [],
        "status": "ok",
        "headlines": 41,
        "relevant": 29,
        "stories": 22,
        "delivered": 43,
        "drops": {"duplicate": 2},
        "newest_at": "2015-02-03T13:18:00Z",
        "reports": [{"feed": "wire", "status": "ok", "fetched": 43, "detail": ""}],
    },
    "coverage_line": (
        "Mon 17:30 to Tue 08:30 ET, no gap; 1 of 1 source; 41 headlines, 22 stories, the newest 12 min before the end;"
        " model compact int8"
    ),
    "items": [
        {
            **_SIGNAL,
            "section": "new",
            "company": "Exxon Mobil",
            "sector": "Energy",
            "last_price": 92.25,
            "move": -0.012,
            "earnings": {
                "status": "announced",
                "day": "2015-02-03",
                "time": "after_close",
                "estimated": False,
                "flag": "tonight",
            },
            "sentences": ["Price agrees: technical score −0.20."],
            "metadata": {
                "ml_confidence": 0.87,
                "model": "compact int8 @0123456789ab",
                "tone": -0.52,
                "technical": -0.2,
                "fresh": True,
                "single_story": True,
                "window": "2015-02-02-17:30",
            },
        }
    ],
    "still_active": [],
    "expired": [],
    "corrected": [],
    "near_misses": [],
    "funnel": {"candidates": 1, "signals": 1},
    "knobs": {"min_combined_score": 0.3},
    "record": [_LINE],
    "without_prices": [],
    "earnings_source": "yahoo",
    "earnings_unknown": [],
    "notes": [],
}
DIGESTS: dict[str, Any] = {
    "items": [
        {
            "window": "2015-02-02-17:30",
            "window_start": "2015-02-02T22:30:00Z",
            "window_end": "2015-02-03T13:30:00Z",
            "kind": "full",
            "mode": "live",
            "subject": "1 new: XOM",
            "sha256": DIGEST["sha256"],
            "created_at": "2015-02-03T13:31:12Z",
        }
    ],
    # Not null: FastAPI omits nulls from examples.
    "next": "2015-02-02-17:30",
}
REVISIONS: dict[str, Any] = {
    "items": [
        {
            "window": "2015-02-02-17:30",
            "number": 2,
            "made_at": "2015-02-05T15:00:00Z",
            "mode": "manual",
            "model": "compact int8 @0123456789ab",
            "knobs": {"min_combined_score": 0.5},
            "signals": [
                {
                    "symbol": "XOM",
                    "signal_type": "SELL",
                    "combined_score": -0.53,
                    "lifecycle": "new",
                    "decided_at": "2015-02-03T13:30:00Z",
                    "expires_at": "2015-02-10T13:30:00Z",
                }
            ],
        }
    ]
}
SIGNAL: dict[str, Any] = {
    **_SIGNAL,
    "window": "2015-02-02-17:30",
    "tone": -0.52,
    "technical": -0.2,
    "model": "compact int8 @0123456789ab",
    "outcomes": [
        {
            "horizon": 1,
            "entry_session": "2015-02-03T00:00:00Z",
            "exit_session": "2015-02-03T00:00:00Z",
            "entry": 90.1,
            "exit": 88.9,
            "raw_return": -0.0133,
            "benchmark_return": 0.0041,
            "net_return": 0.0174,
            "hit": True,
            "base_rate": 0.41,
            "benchmark": "SPY",
            "known_at": "2015-02-03T21:00:00Z",
        }
    ],
}
SIGNALS: dict[str, Any] = {"items": [SIGNAL], "next": "2015-02-02-17:30-XOM-SELL"}
RECORD: dict[str, Any] = {
    "newest": "2015-02-10T21:00:00Z",
    "current": [
        {
            "provenance": "live",
            "generator": "news_driven_ml",
            "model": "compact int8 @0123456789ab",
            "lines": [_LINE],
            "correlations": [{"horizon": 5, "n": 64, "n_dates": 12, "mean": 0.06, "t": 1.1}],
            "by_score": [
                {
                    "least": 0.3,
                    "most": 0.4,
                    "n": 40,
                    "hits": 22,
                    "hit_rate": 0.55,
                    "low": 0.398,
                    "high": 0.693,
                    "base_rate": 0.5,
                    "enough": True,
                }
            ],
            "by_confidence": [],
        }
    ],
    "others": [],
}

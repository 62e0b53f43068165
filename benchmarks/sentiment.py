"""FinBERT's shape scored by its peers and by the pipeline, in one run: python -m benchmarks.sentiment SOURCE [COUNT].

SOURCE is a folder in the hub's layout (BERT-base, three labels; random weights cost the same time as trained ones); the
extra `finbert` is needed. Every subject is a fresh process on two threads, its first score timed from the process's
start. The subjects take turns, so that the machine's drift hits all alike; each one's best round counts. Slow
subjects score every n-th of the headlines.
"""

# pyright: reportMissingImports=false
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from benchmarks import sentiment_gpu
from benchmarks.results import file_section, table
from benchmarks.sentiment_limits import headlines, int8_limit, products_share, useful_operations

THREADS, ROUNDS, WARM = 2, 3, 20
PEERS = ("transformers pipeline, one by one", "transformers pipeline, batch 32", "torch fp32, by length")
OURS = ("onnxruntime fp32, our graph", "int8, our graph", "compact model")
EVERY: dict[str, int] = dict.fromkeys((*PEERS, OURS[0]), 5)
Score = Callable[[list[str]], np.ndarray]


def opened(subject: str, folders: Mapping[str, str]) -> Score:
    """A subject's scoring function, ready to run; imports only what the subject needs."""
    if subject in OURS:
        from signals_pipeline.adapters.model.inference import SentimentModel

        return SentimentModel.load(Path(folders[subject]), threads=THREADS).logits
    import torch

    torch.set_num_threads(THREADS)
    if subject == "torch fp32, by length":
        from signals_pipeline.model_export.reference import TorchModel

        return TorchModel.load(Path(folders["source"]), device="cpu").logits
    from transformers.pipelines import pipeline

    classify = pipeline("text-classification", model=folders["source"], top_k=None, device="cpu")
    size = 32 if subject.endswith("32") else 1
    return lambda texts: np.array([len(classify(texts[i : i + size])) for i in range(0, len(texts), size)])


def measure(subject: str, folders: Mapping[str, str], count: int) -> dict[str, float]:
    """Run in the subject's own process: seconds to the first score, headlines a second, peak MB."""
    texts = headlines(count)[:: EVERY.get(subject, 1)]
    score = opened(subject, folders)
    score(texts[:1])
    first = time.time() - float(os.environ["STARTED"])
    score(texts[:WARM])
    start = time.perf_counter()
    logits = score(texts)
    seconds = time.perf_counter() - start
    if subject not in PEERS[:2]:
        np.save(Path(folders["answers"], f"{subject}.npy"), logits)
    return {"first": first, "rate": len(texts) / seconds, "peak": peak_memory()}


def peak_memory() -> float:
    """Peak memory of this process in MB (10^6 bytes); `ru_maxrss` would be that of the process that forked it, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def apart(job: str, *arguments: str) -> dict[str, float]:
    """A job of this module in a fresh process; its answer."""
    command = [sys.executable, "-m", "benchmarks.sentiment", job, *arguments]
    environment = os.environ | {"STARTED": str(time.time()), "OMP_NUM_THREADS": str(THREADS), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def prepared(given: Path, scratch: Path) -> dict[str, str]:
    """Folders of all subjects; the model is converted, not verified: random weights have no meaning to verify."""
    from signals_pipeline import sample
    from signals_pipeline.model_export import prepare
    from signals_pipeline.model_export.reference import TorchModel

    reference = TorchModel.load(given, device="cpu")
    folders = {name: scratch / place for name, place in zip(OURS[:2], ("fp32", "int8"), strict=True)}
    for name, folder in folders.items():
        folder.mkdir()
        prepare.convert(given, folder, reference, name=name, int8=name.startswith("int8"))
    folders |= {"compact model": sample.COMPACT_MODEL, "source": given, "answers": scratch}
    return {name: str(folder) for name, folder in folders.items()}


def difference(scratch: Path) -> str:
    """How far int8 and fp32 are from torch on these headlines, in words."""
    from signals_pipeline.core.sentiment.tone import softmax

    truth = np.load(scratch / "torch fp32, by length.npy")
    exact, int8 = np.load(scratch / f"{OURS[0]}.npy"), np.load(scratch / f"{OURS[1]}.npy")[:: EVERY[PEERS[2]]]
    alike = (int8.argmax(axis=1) == truth.argmax(axis=1)).mean()
    largest = np.abs(softmax(int8) - softmax(truth)).max()
    return (
        f"Logits of our fp32 graph are within {np.abs(exact - truth).max():.1e} of torch's. Int8: {alike:.2%} of labels"
        f" agree with torch fp32, largest difference of a probability {largest:.4f} (weights of the folder given)."
    )


def report(rows: Mapping[str, list[dict[str, float]]], limits: list[dict[str, float]], count: int, said: str) -> None:
    """File the section."""
    best = {name: {key: max(r[key] for r in runs) for key in ("rate", "peak")} for name, runs in rows.items()}
    first = {name: min(run["first"] for run in runs) for name, runs in rows.items()}
    alone, batched = (best[name]["rate"] for name in PEERS[:2])
    lines = [
        (name, f"{figures['rate']:.1f}", f"{figures['rate'] / alone:.1f}", f"{figures['rate'] / batched:.1f}",
         f"{first[name]:.2f}", f"{first[PEERS[0]] / first[name]:.1f}", f"{figures['peak']:.0f}")
        for name, figures in best.items()
    ]  # fmt: skip
    header = ("subject", "headlines/s", "x one by one", "x batch 32", "first score, s", "x sooner", "peak MB")
    limit = max(run["limit"] for run in limits)
    share = max((run["share"] for run in limits), default=0.0)
    operations = limits[0]["operations"]
    reached = best[OURS[1]]["rate"] * operations / limit
    body = [
        table(header, lines),
        f"{count} headlines of 8 to 25 words, {limits[0]['tokens']:.1f} tokens each, {THREADS} threads.",
        (
            f"Int8 limit: {limit / 1e9:.0f} G operations/s (products of 256 x 768 x 3072, {THREADS} threads, same run)."
            f" A headline needs {operations / 1e9:.2f} G, so {reached:.0%} of the limit is reached. Int8 products take"
            f" {share:.0%} of the graph's time; the rest is GELU, attention, scales of the products, layer norm."
        ),
        said,
    ]
    file_section("Sentiment: FinBERT's shape", "python -m benchmarks.sentiment SOURCE", "\n\n".join(body))


def main(given: Path, count: int) -> None:
    """Measure all subjects in turn and file the section."""
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in (*PEERS, *OURS)}
    limits = []
    with tempfile.TemporaryDirectory() as scratch:
        folders = prepared(given, Path(scratch))
        for _ in range(ROUNDS):
            for name, runs in rows.items():
                runs.append(apart("--subject", name, json.dumps(folders), str(count)))
                print(name, {key: round(value, 2) for key, value in runs[-1].items()}, flush=True)
            limits.append(apart("--limits", folders[OURS[1]], str(count)))
            print("limits", limits[-1], flush=True)
        said = [difference(Path(scratch)), sentiment_gpu.sentence(given, limits[0]["operations"])]
        report(rows, limits, count, "\n\n".join(said))


if __name__ == "__main__":
    if sys.argv[1] == "--subject":
        print(json.dumps(measure(sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]))))
    elif sys.argv[1] == "--limits":
        folder = Path(sys.argv[2])
        tokens, operations = useful_operations(folder, headlines(int(sys.argv[3])))
        figures = {"limit": int8_limit(THREADS), "share": products_share(folder)}
        print(json.dumps(figures | {"tokens": tokens, "operations": operations}))
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000)

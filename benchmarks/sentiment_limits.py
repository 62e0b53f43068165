"""What the machine could do at best: the int8 product's speed, and the operations that a headline needs."""

# pyright: reportMissingImports=false
import csv
import json
import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from signals_pipeline import sample

SIZE = (256, 768, 3_072)
SEED = 7


def headlines(count: int) -> list[str]:
    """Headlines of 8 to 25 words drawn from the bundled sample's, the same every time."""
    with sample.HEADLINES.open(encoding="utf-8", newline="") as file:
        words = [
            word for row in csv.DictReader(file) for word in row["title"].split() if word.isascii() and word[0] != "$"
        ]
    draw = random.Random(SEED)
    return [" ".join(draw.choices(words, k=draw.randint(8, 25))) for _ in range(count)]


def int8_limit(threads: int, seconds: float = 1.0) -> float:
    """Operations a second (two a product and sum) of onnxruntime's int8 matrix product, one on each thread."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    rows, inputs, outputs = SIZE
    draw = np.random.default_rng(SEED)
    weight = numpy_helper.from_array(draw.integers(-63, 64, (inputs, outputs), dtype=np.int8), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [rows, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [rows, outputs])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    x = draw.integers(0, 256, (rows, inputs), dtype=np.uint8)

    def run(_: int) -> float:
        done, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < seconds:
            session.run(None, {"x": x})
            done += 1
        return done * 2 * rows * inputs * outputs / passed

    with ThreadPoolExecutor(threads) as pool:
        return max(sum(pool.map(run, range(threads))) for _ in range(3))


def useful_operations(folder: Path, texts: list[str]) -> tuple[float, float]:
    """Mean tokens of a text, and mean int8 operations that the graph runs for it (two a product and sum)."""
    import onnx
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokens = float(np.mean([len(tokenizer.encode(text).ids) for text in texts]))
    graph = onnx.load(folder / "model.onnx", load_external_data=False).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMulIntegerToFloat"]
    sizes = [int(np.prod(shapes[node.input[1]])) for node in products]
    # Of the last layer only key and value are computed for every token, the rest for one.
    last = max(int(node.input[1].split(".")[2]) for node in products)
    once = [
        f"encoder.layer.{last}.{part}"
        for part in ("attention.self.query", "attention.output", "intermediate", "output")
    ]
    rows = [1 if node.input[1].startswith(tuple(once)) else tokens for node in products]
    return tokens, float(sum(2 * size * count for size, count in zip(sizes, rows, strict=True)))


def products_share(folder: Path, texts: int = 4, tokens: int = 24, runs: int = 20) -> float:
    """Share of the graph's time that goes into its int8 products, by onnxruntime's own profile on one thread."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as scratch:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(scratch, "profile"))
        file = str(folder / "model.onnx")
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        ids = np.random.default_rng(SEED).integers(1_000, 30_000, (texts, tokens))
        for _ in range(runs):
            session.run(None, {"input_ids": ids})
        events = json.loads(Path(session.end_profiling()).read_text())
    total = sum(event["dur"] for event in events if event["name"] == "model_run")
    kernels = [event for event in events if event["name"].endswith("kernel_time")]
    return sum(event["dur"] for event in kernels if event["args"]["op_name"] == "MatMulIntegerToFloat") / total

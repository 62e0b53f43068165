"""From trained weights to the folder that is shipped: calibrate, export to ONNX, fuse, quantise, seal.

python export.py --data BUNDLE --backbone FOLDER --weights RUN/weights.pt --out MODEL_FOLDER
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from encoder import MAX_LENGTH, Classifier, Encoding, predict
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from rows import LABELS, read_sentfin
from torch import Tensor, nn

from signals_pipeline.adapters.model import MODEL_FILE, TOKENIZER_FILE, seal

QUANTISATION = "int8: dynamic activations, 7-bit weights per channel, word vectors per row"


def temperature(logits: Tensor, labels: Tensor) -> float:
    """The divisor of the logits that minimises cross-entropy on validation rows (Guo et al. 2017), found by L-BFGS."""
    scale = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale], max_iter=50)

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(logits / scale.exp(), labels)
        loss.backward()
        return loss

    optimiser.step(closure)
    return float(scale.detach().exp())


def to_onnx(model: Classifier, file: Path) -> None:
    """The graph with one sequence of any length, by torch's older exporter, which onnxruntime's fusion knows."""
    ids = torch.tensor([[101, 2345, 3456, 4567, 102]])
    with torch.inference_mode():
        torch.onnx.export(
            model.eval(),
            (ids, torch.ones_like(ids)),
            str(file),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": {0: "texts", 1: "tokens"}, "attention_mask": {0: "texts", 1: "tokens"}},
            opset_version=17,
            dynamo=False,
        )


def fuse(source: Path, target: Path, heads: int, hidden: int) -> None:
    """Fuse by onnxruntime's transformer rules; the embedding stays apart so that its rows can carry their own scale."""
    options = FusionOptions("bert")
    options.enable_embed_layer_norm = False
    optimised = optimize_model(
        str(source), "bert", num_heads=heads, hidden_size=hidden, opt_level=0, optimization_options=options
    )
    print("fused:", {name: count for name, count in optimised.get_fused_operator_statistics().items() if count})
    optimised.save_model_to_file(str(target))


def quantise_embedding(graph: onnx.GraphProto) -> int:
    """Store the word vectors as int8 with a scale a row; a Gather of each and one product give them back.

    Returns:
        The number of word vectors.
    """
    tensor = max(graph.initializer, key=lambda item: int(np.prod(item.dims)))
    table = numpy_helper.to_array(tensor).astype(np.float32)
    scale = np.abs(table).max(axis=1, keepdims=True) / 127
    codes = np.rint(table / np.where(scale > 0, scale, 1)).astype(np.int8)
    gather = next(node for node in graph.node if node.op_type == "Gather" and node.input[0] == tensor.name)
    ids, output, place = gather.input[1], gather.output[0], list(graph.node).index(gather)
    graph.initializer.remove(tensor)
    graph.initializer.extend(
        [numpy_helper.from_array(codes, "word_codes"), numpy_helper.from_array(scale.astype(np.float32), "word_scale")]
    )
    graph.node.remove(gather)
    nodes = [
        helper.make_node("Gather", ["word_codes", ids], ["word_code"], axis=0),
        helper.make_node("Cast", ["word_code"], ["word_float"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["word_scale", ids], ["word_row_scale"], axis=0),
        helper.make_node("Mul", ["word_float", "word_row_scale"], [output]),
    ]
    for offset, node in enumerate(nodes):
        graph.node.insert(place + offset, node)
    return len(table)


def shrink(source: Path, target: Path) -> int:
    """Quantise the embedding by row and every matrix product but the head's by channel; the number of word vectors."""
    model = onnx.load(source)
    rows = quantise_embedding(model.graph)
    onnx.save(model, source)
    head = [f"{node.name}_MatMul" for node in model.graph.node if node.op_type == "Gemm"]
    quantize_dynamic(
        source,
        target,
        nodes_to_exclude=head,  # three rows of weights that decide closely: not worth the error
        op_types_to_quantize=["MatMul", "Attention"],
        per_channel=True,
        reduce_range=True,  # 7 bits: on CPUs without VNNI, sums of 8-bit products saturate and answers would differ
        weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": TensorProto.FLOAT},  # fused operators have no shape inference
    )
    return rows


def calibrated(settings: argparse.Namespace) -> Classifier:
    """The trained model with the temperature folded into its head, so that softmax of its logits is calibrated."""
    model = Classifier(settings.backbone)
    model.load_state_dict(torch.load(settings.weights, weights_only=True))
    held = [row for row in read_sentfin(settings.data / "sentfin") if row.part == "validation"]
    logits = predict(model, Encoding(settings.backbone), [row.title for row in held])
    divisor = temperature(logits, torch.tensor([row.label for row in held]))
    print(f"temperature {divisor:.4f}, from {len(held)} validation rows")
    with torch.no_grad():
        model.head.weight /= divisor
        model.head.bias /= divisor
    return model


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with sentfin/")
    parser.add_argument("--backbone", type=Path, required=True, help="folder of the pre-trained encoder")
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of train.py")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="compact")
    return parser.parse_args()


def main() -> None:
    """Write model.onnx, tokenizer.json and config.json to the folder."""
    settings = arguments()
    model = calibrated(settings)
    shape = model.encoder.config
    settings.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        plain, fused = Path(scratch, "plain.onnx"), Path(scratch, "fused.onnx")
        to_onnx(model, plain)
        fuse(plain, fused, shape.num_attention_heads, shape.hidden_size)
        vocabulary = shrink(fused, settings.out / MODEL_FILE)
    shutil.copyfile(settings.backbone / TOKENIZER_FILE, settings.out / TOKENIZER_FILE)
    config = seal(
        settings.out,
        name=settings.name,
        id2label=dict(enumerate(LABELS)),
        max_length=MAX_LENGTH,
        vocabulary=vocabulary,
        quantisation=QUANTISATION,
    )
    size = sum(file.stat().st_size for file in settings.out.iterdir())
    print(f"{settings.out}: {config.name} {config.revision}, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

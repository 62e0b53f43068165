"""What an ensemble of trained models thinks of StockNet's unlabelled titles: the soft targets of the last student.

python teach.py --data BUNDLE --backbone FOLDER --weights RUN/weights.pt ... --out TAUGHT.npz
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from encoder import Classifier, Encoding, predict
from rows import read_sentfin, read_stocknet


def main() -> None:
    """Write titles and the mean of the models' probabilities, shape (n, 3)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with sentfin/ and stocknet/")
    parser.add_argument("--backbone", type=Path, required=True, help="folder of the pre-trained encoder")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="weights.pt of each model")
    parser.add_argument("--out", type=Path, required=True)
    settings = parser.parse_args()
    # Titles near to a validation or held-out one are left out: their answer would leak into training.
    titles = read_stocknet(settings.data / "stocknet", read_sentfin(settings.data / "sentfin"))
    encode, model = Encoding(settings.backbone), Classifier(settings.backbone)
    total = torch.zeros(len(titles), model.head.out_features)
    for file in settings.weights:
        model.load_state_dict(torch.load(file, weights_only=True))
        total += predict(model, encode, titles).softmax(1)
    targets = (total / len(settings.weights)).numpy().astype(np.float32)
    np.savez_compressed(settings.out, titles=np.array(titles), targets=targets)
    print(f"{settings.out}: {len(titles)} titles, answers {np.bincount(targets.argmax(1), minlength=3)}")


if __name__ == "__main__":
    main()

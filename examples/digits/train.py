"""A small neural network on scikit-learn's handwritten digits, trained epoch by epoch.

Runs on its own (`python train.py --learning_rate 0.1`) as well as in a sweep.
"""

import argparse
import pickle
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from overdrive import Run

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--learning_rate", type=float, default=0.05)
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--batch_size", type=int, default=32)
parser.add_argument("--hidden", type=int, default=64, help="units of the hidden layer")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

digits = load_digits()
train_x, test_x, train_y, test_y = train_test_split(
    digits.images / 16, digits.target, test_size=0.4, random_state=0, stratify=digits.target
)
# Each training image also moved by one pixel in each direction: five times the data.
moves = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
train_x = np.concatenate([np.roll(train_x, move, axis=(1, 2)) for move in moves]).reshape(-1, 64)
train_y = np.tile(train_y, len(moves))
test_x = test_x.reshape(-1, 64)

network = MLPClassifier(
    hidden_layer_sizes=(args.hidden,),
    solver="sgd",
    learning_rate_init=args.learning_rate,
    momentum=args.momentum,
    batch_size=args.batch_size,
    random_state=args.seed,
)

run = Run.get_context()
for _ in range(args.epochs):
    network.partial_fit(train_x, train_y, classes=range(10))
    run.log("accuracy", network.score(test_x, test_y))

Path("outputs").mkdir(exist_ok=True)
with Path("outputs/model.pkl").open("wb") as file:
    pickle.dump(network, file)

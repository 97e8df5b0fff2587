"""A training that leaves a checkpoint after each epoch, and goes on from the last one.

It finds an earlier attempt of the same run (after a crash of the machine) in its checkpoint folder, and an
earlier run (of a sweep that was cancelled) in the folder that `--resume-from` names.
"""

import argparse
import os
import pickle
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from overdrive import Run

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--learning_rate", type=float, default=0.01)
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--resume-from", type=Path, help="the outputs folder of an earlier run")
args = parser.parse_args()

x, y = load_digits(return_X_y=True)
train_x, test_x, train_y, test_y = train_test_split(x / 16, y, test_size=0.4, random_state=0)

run = Run.get_context()
checkpoint = run.latest_checkpoint
if checkpoint is None and args.resume_from and (args.resume_from / "checkpoint.pkl").exists():
    checkpoint = args.resume_from / "checkpoint.pkl"
if checkpoint is None:
    network, epoch = MLPClassifier((64,), learning_rate_init=args.learning_rate, random_state=0), 0
else:
    with open(checkpoint, "rb") as file:
        network, epoch = pickle.load(file)
    print(f"going on after epoch {epoch}")

Path("outputs").mkdir(exist_ok=True)
while epoch < args.epochs:
    network.partial_fit(train_x, train_y, classes=range(10))
    epoch += 1
    run.log("accuracy", network.score(test_x, test_y), step=epoch)
    aside = Path(run.checkpoint_dir, f"epoch-{epoch}.pkl")
    with open(aside, "wb") as file:
        pickle.dump((network, epoch), file)
    run.keep_checkpoint(aside)
    Path("outputs/.checkpoint").write_bytes(aside.read_bytes())
    os.replace("outputs/.checkpoint", "outputs/checkpoint.pkl")

"""A script as they are: it has never heard of Overdrive, and prints what people read."""

import argparse

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--alpha", type=float, default=1e-4)
parser.add_argument("--epochs", type=int, default=10)
args = parser.parse_args()

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X / 16, y, random_state=0)
model = SGDClassifier(learning_rate="constant", eta0=args.lr, alpha=args.alpha, random_state=0)
for epoch in range(args.epochs):
    model.partial_fit(X_train, y_train, classes=range(10))
    acc, val_acc = model.score(X_train, y_train), model.score(X_val, y_val)
    print(f"Epoch {epoch + 1}/{args.epochs} - acc: {acc:.4f} - val_acc: {val_acc:.4f}")

"""In the training process and beside it. Standard library only, Python 3.8 and up, imports nothing above."""

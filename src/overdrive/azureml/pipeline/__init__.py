"""HyperDrive's v1 pipelines: steps that run one after another, each fed with what those before it have left."""

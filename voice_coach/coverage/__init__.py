"""Judge coverage: sentences, labels, the fine-tuned classifier, the whole-answer judgement."""

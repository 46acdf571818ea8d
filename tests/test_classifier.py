"""The shipped classifier: both back ends agree, and it tells stages from what only sounds like them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from voice_coach.coverage.classifier import SLOW_FUSIONS, Calibration, Classifier, OnnxBackend, gpu_backend
from voice_coach.coverage.corpus import read_corpus
from voice_coach.coverage.labels import LABELS, OUTPUTS
from voice_coach.coverage.packing import collate
from voice_coach.coverage.sentences import line_sentences
from voice_coach.errors import ModelDamagedError
from voice_coach.speech.model_files import LIFECYCLE, find, verified

DATA = Path(__file__).resolve().parent.parent / "models" / "lifecycle" / "data"
INT8_TOLERANCE = 0.05
EXACT_TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def folder() -> Path:
    return verified(find(LIFECYCLE))


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Classifier:
    return Classifier(folder)


@pytest.fixture(scope="module")
def answers() -> list[list[str]]:
    """A few whole answers of one writer of the training corpus."""
    return [[unit.text for unit in one.units] for one in read_corpus(sorted((DATA / "train").glob("w01_0*.txt")))[:4]]


def test_both_back_ends_give_the_same_probabilities(
    classifier: Classifier, folder: Path, answers: list[list[str]]
) -> None:
    from voice_coach.coverage.torch_backend import TorchBackend

    torch_classifier = Classifier(folder, TorchBackend(folder))
    for texts in answers:
        here = classifier.calibration.probabilities(classifier.logits(texts))
        there = classifier.calibration.probabilities(torch_classifier.logits(texts))
        assert np.abs(here - there).max() <= INT8_TOLERANCE


def test_the_slow_fused_kernel_is_left_out(folder: Path, tmp_path: Path) -> None:
    """ONNX Runtime takes no notice of an optimizer's name that it does not know."""
    import onnx
    import onnxruntime

    def fused(left_out: list[str]) -> int:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
        onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, ["CPUExecutionProvider"], disabled_optimizers=left_out
        )
        optimized = onnx.load(tmp_path / "optimized.onnx")
        return sum(node.op_type == "SkipLayerNormalization" for node in optimized.graph.node)

    assert (fused([]), fused(list(SLOW_FUSIONS))) == (24, 0)


@pytest.mark.filterwarnings("ignore")  # the exporter's own deprecations are not ours to mend
def test_an_unquantized_export_is_exact(folder: Path, answers: list[list[str]], tmp_path: Path) -> None:
    """Two windows of unlike length: one back end takes them together, with padding, the other one by one."""
    import onnx
    from export_coverage import export_exact

    from voice_coach.coverage.network import as_tensors
    from voice_coach.coverage.torch_backend import TorchBackend

    backend = TorchBackend(folder)
    reader = Classifier(folder, backend)
    batch = collate([reader._windows(answers[0])[0], reader._windows(answers[1][:4])[0]])
    assert batch["attention_mask"].min() == 0
    onnx.save(export_exact(backend.network, as_tensors(batch, "cpu"), tmp_path), tmp_path / "model.onnx")
    there = np.where(batch["pool"].any(axis=2)[..., None], backend.logits(batch), 0.0)
    here = np.where(batch["pool"].any(axis=2)[..., None], OnnxBackend(tmp_path).logits(batch), 0.0)
    assert np.abs(here - there).max() <= EXACT_TOLERANCE


def test_training_goes_on_from_the_model_that_ships(folder: Path, answers: list[list[str]]) -> None:
    from train_coverage import started_from, weights_of
    from transformers import BertModel

    from voice_coach.coverage.network import LifecycleNetwork
    from voice_coach.coverage.torch_backend import TorchBackend

    backend = TorchBackend(folder)
    config = backend.network.encoder.config
    model = LifecycleNetwork(BertModel(config, add_pooling_layer=False), config.hidden_size)
    model.load_state_dict(weights_of(folder, model))
    expected = Classifier(folder, backend).logits(answers[0])
    backend.network = model.eval()
    assert np.array_equal(Classifier(folder, backend).logits(answers[0]), expected)
    (made,) = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))["recipes"]
    assert started_from(folder) == {"rounded": made}


def test_a_sentence_far_away_changes_nothing(classifier: Classifier) -> None:
    """Only neighbours are read: of 90 sentences the first ten do not hang on the last."""
    texts = [f"Then we looked at dashboard number {k} and wrote the value into the channel." for k in range(90)]
    other = [*texts[:-1], "Then we shouted at dashboard number two and sang the value into the channel."]
    one, two = classifier.logits(texts), classifier.logits(other)
    assert np.abs(one[:10] - two[:10]).max() < EXACT_TOLERANCE < np.abs(one[-2:] - two[-2:]).max()


def test_context_matters(classifier: Classifier) -> None:
    """The same words after a triage question and after a joke are not the same sentence."""
    asked = classifier.logits(
        ["I wanted to know whether the database was the bottleneck.", "It was at a hundred percent."]
    )
    joked = classifier.logits(["I love table tennis more than anything.", "It was at a hundred percent."])
    assert np.abs(asked[1] - joked[1]).max() > 0.5


@pytest.mark.parametrize("texts", [[], ["", "  "], ["🙂"], ["word " * 400]])
def test_odd_texts_do_no_harm(classifier: Classifier, texts: list[str]) -> None:
    judged = classifier.judge(line_sentences("\n".join(texts)) if texts else ())
    assert len(judged) == len(texts)
    for one in judged:
        assert set(one.labels) == set(LABELS)
        assert all(0.0 <= chance <= 1.0 for chance in one.labels.values())
        if not one.text:
            assert one.assigned == ()


STAGE_SENTENCES = [
    ("PagerDuty woke me at two, the error rate on checkout was at nine percent.", "detection"),
    ("I opened the latency dashboard first to see which region was slow.", "detection"),
    ("We declared a SEV-1 because every customer in Europe was affected.", "severity"),
    ("So I rolled the release back to the version from the morning.", "mitigation"),
    ("We failed over to the standby database instead of digging further.", "mitigation"),
    ("I opened an incident channel and posted an update every fifteen minutes.", "communication"),
    ("Afterwards we wrote a blameless postmortem with action items and owners.", "prevention"),
    ("The root cause was a connection pool without a limit, so we added one and an alert on it.", "prevention"),
]
NO_STAGE_SENTENCES = [
    "We have a lot of dashboards, Grafana and Datadog and so on.",
    "Communication is key, I always say.",
    "I have worked with Kubernetes for five years.",
    "We never got round to a postmortem.",
    "A friend of mine at another company once had to roll back a whole cluster.",
    "That is a good question, let me think.",
]


@pytest.mark.parametrize(("text", "stage"), STAGE_SENTENCES)
def test_plain_cases_are_heard(classifier: Classifier, text: str, stage: str) -> None:
    """In the shortest of answers: one sentence before, one after."""
    before = "I was on call for the shop that week."
    judged = classifier.judge(line_sentences(f"{before}\n{text}\nThat is how it went."))
    assert stage in judged[1].assigned


def test_an_answer_of_two_sentences(classifier: Classifier) -> None:
    judged = classifier.judge(
        line_sentences("PagerDuty fired at two and the error rate was nine percent.\nI rolled the release back.")
    )
    assert "detection" in judged[0].assigned
    assert "mitigation" in judged[1].assigned


@pytest.mark.parametrize("text", NO_STAGE_SENTENCES)
def test_what_only_sounds_like_a_stage_is_not(classifier: Classifier, text: str) -> None:
    (judged,) = classifier.judge(line_sentences(text))
    assert not set(judged.assigned) & set(LABELS[:5])


def test_without_a_gpu_there_is_no_gpu_back_end(folder: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU, so its absence can't be tested")
    assert gpu_backend(folder) is None


def test_a_file_of_another_version_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "classifier.json", tmp_path / "classifier.json")
    raw = json.loads((tmp_path / "classifier.json").read_text())
    (tmp_path / "classifier.json").write_text(json.dumps({**raw, "outputs": list(reversed(OUTPUTS))}))
    with pytest.raises(ModelDamagedError, match="does not fit this version"):
        Calibration.read(tmp_path)


def test_a_broken_network_is_refused(folder: Path, tmp_path: Path) -> None:
    for name in ("classifier.json", "tokenizer.json"):
        shutil.copy(folder / name, tmp_path / name)
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelDamagedError, match="can't be loaded"):
        Classifier(tmp_path)

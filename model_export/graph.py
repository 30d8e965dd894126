"""The detector as one ONNX graph: standardise; autoencoder, forest, linear score and head; calibrate and combine.

From the transposition on, windows lie along the last axis (`[units, n]`). Every product and sum then runs over rows of
whole windows, each vector lane doing the same as its neighbour. With windows as rows, onnxruntime's row sums start at
the next aligned address, so that the last bit of one in seven scores would depend on its position in the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from functions.adapters.onnx_scorer import INPUTS, ML_OPSET, OPSET, OUTPUTS
from functions.domain.features import FEATURES
from functions.domain.thresholds import HIGHEST_SCORE
from model_export.head import INPUT_SCALE, LOGIT_BOUND, Head
from model_export.vae import DECODER_LOG_VARIANCE, ENCODER_LOG_VARIANCE, LATENTS, Vae
from model_export.windows import CLIP

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from model_export.calibration import Calibration
    from model_export.forest import Forest
    from model_export.mahalanobis import Mahalanobis

Part = TypeVar("Part")
IR_VERSION = 9
"""Of ONNX 1.14, the release with opset 18 and 19: any onnxruntime since 1.15 reads it."""


class Components(NamedTuple, Generic[Part]):
    """One of something for each component of the score."""

    vae: Part
    forest: Part
    mahalanobis: Part
    head: Part


WEIGHTS = Components(vae=0.25, forest=0.05, mahalanobis=0.05, head=0.65)
"""Of the calibrated components in the score. The head knows the faults it was shown, the others know health and speak
for what nobody thought of; docs/detection.md has the ablation."""


@dataclass(frozen=True)
class Calibrations:
    """Of each component and of their weighted sum."""

    components: Components[Calibration]
    combined: Calibration


@dataclass
class _Draft:
    """Nodes and constants of a graph under construction."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: NDArray | float) -> str:
        array = np.asarray(value)
        array = array.astype(np.float32) if array.dtype.kind == "f" else array
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, op: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output


def build_graph(vae: Vae, forest: Forest, mahalanobis: Mahalanobis, head: Head, calibrations: Calibrations) -> bytes:
    """Serialised model; the same parts give the same bytes."""
    draft = _Draft()
    draft.constant("zero", np.float32(0))
    draft.constant("half", np.float32(0.5))
    draft.constant("windows_last", np.array([0], np.int64))
    z, missing = _standardise(draft)
    columns = draft.add("Transpose", [z], "z_columns", perm=[1, 0])
    components = Components(
        vae=_vae(draft, vae, columns, missing),
        forest=_forest(draft, forest, z),
        mahalanobis=_mahalanobis(draft, mahalanobis, columns),
        head=_head(draft, head, columns),
    )
    _combine(draft, components, calibrations)
    floats = TensorProto.FLOAT
    shapes = {"contribution": ["n", len(FEATURES)]}
    graph = helper.make_graph(
        draft.nodes,
        "metersentry-detector",
        [helper.make_tensor_value_info(name, floats, ["n", len(FEATURES)]) for name in INPUTS],
        [helper.make_tensor_value_info(name, floats, shapes.get(name, ["n"])) for name in OUTPUTS],
        draft.constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, producer_name="metersentry", opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def _standardise(draft: _Draft) -> tuple[str, str]:
    """Standardised features `[n, 28]`, and which of them are missing."""
    deviation = draft.add("Sub", ["features", "usual_mean"], "deviation")
    raw = draft.add("Div", [deviation, "usual_sd"], "deviation_sd")
    missing = draft.add("IsNaN", [raw], "missing")
    present = draft.add("Where", [missing, "zero", raw], "present")
    low, high = draft.constant("z_low", -CLIP), draft.constant("z_high", CLIP)
    return draft.add("Clip", [present, low, high], "z"), missing


def _vae(draft: _Draft, vae: Vae, columns: str, missing: str) -> str:
    """Negative evidence lower bound `[n]` at the posterior mean; writes `contribution` and `vae`."""
    encoded = _layers(draft, "encoder", vae.encoder, columns)
    mean, log_variance = _halves(draft, encoded, LATENTS, ENCODER_LOG_VARIANCE, "latent_mean", "latent_log_variance")
    decoded = _layers(draft, "decoder", vae.decoder, mean)
    expected, spread = _halves(draft, decoded, len(FEATURES), DECODER_LOG_VARIANCE, "expected", "spread")

    error = draft.add("Sub", [columns, expected], "error")
    squared = draft.add("Mul", [error, error], "error_squared")
    precision = draft.add("Exp", [draft.add("Neg", [spread], "spread_negative")], "precision")
    weighted = draft.add("Mul", [squared, precision], "error_weighted")
    doubled = draft.add("Add", [weighted, spread], "cost_doubled")
    usual = draft.constant("usual_cost", vae.usual.numpy()[:, None])
    cost = draft.add("Sub", [draft.add("Mul", [doubled, "half"], "cost_halved"), usual], "cost")
    missing_columns = draft.add("Transpose", [missing], "missing_columns", perm=[1, 0])
    shown = draft.add("Where", [missing_columns, "zero", cost], "cost_shown")
    draft.add("Transpose", [shown], "contribution", perm=[1, 0])

    variance = draft.add("Exp", [log_variance], "latent_variance")
    spread_out = draft.add("Add", [variance, draft.add("Mul", [mean, mean], "latent_mean_squared")], "spread_out")
    one = draft.constant("one", np.float32(1))
    informed = draft.add("Sub", [draft.add("Sub", [spread_out, one], "spread_less_one"), log_variance], "informed")
    divergence = draft.add("Mul", [_sum(draft, informed, "informed_sum"), "half"], "divergence")
    return draft.add("Add", [_sum(draft, shown, "reconstruction"), divergence], "vae")


def _layers(draft: _Draft, name: str, layers: nn.Sequential, x: str) -> str:
    for index, layer in enumerate(layers):
        step = f"{name}_{index}"
        if hasattr(layer, "weight"):
            weight = draft.constant(f"{step}_weight", layer.weight.detach().numpy())
            bias = draft.constant(f"{step}_bias", layer.bias.detach().numpy()[:, None])
            x = draft.add("Add", [draft.add("MatMul", [weight, x], f"{step}_product"), bias], step)
        else:
            x = draft.add("Relu", [x], step)
    return x


def _halves(
    draft: _Draft, x: str, each: int, bounds: tuple[float, float], mean: str, log_variance: str
) -> tuple[str, str]:
    """Means and clamped log-variances that a last layer writes one below the other."""
    sizes = draft.constant(f"{mean}_sizes", np.array([each, each], np.int64))
    raw = f"{log_variance}_raw"
    draft.nodes.append(helper.make_node("Split", [x, sizes], [mean, raw], name=f"{mean}_split", axis=0))
    low, high = (draft.constant(f"{log_variance}_{side}", value) for side, value in zip("lh", bounds, strict=True))
    return mean, draft.add("Clip", [raw, low, high], log_variance)


def _forest(draft: _Draft, forest: Forest, z: str) -> str:
    """Anomaly score `[n]` of the forest, from windows `[n, 28]`; writes `forest`."""
    draft.nodes.append(
        helper.make_node(
            "TreeEnsembleRegressor",
            [z],
            ["path_sums"],
            name="path_sums",
            domain="ai.onnx.ml",
            n_targets=1,
            aggregate_function="SUM",
            post_transform="NONE",
            **_ensemble(forest),
        )
    )
    flat = draft.add("Reshape", ["path_sums", draft.constant("flat", np.array([-1], np.int64))], "path_sum")
    exponent = draft.constant("path_to_exponent", np.float32(-np.log(2) / forest.normaliser))
    return draft.add("Exp", [draft.add("Mul", [flat, exponent], "isolation")], "forest")


def _ensemble(forest: Forest) -> dict[str, list]:
    """The operator's attributes: every node of every tree, one after the other."""
    trees = forest.trees
    number = np.repeat(np.arange(len(trees)), [len(tree.feature) for tree in trees])
    node = np.concatenate([np.arange(len(tree.feature)) for tree in trees])
    feature, threshold, left, right, weight = (
        np.concatenate([getattr(tree, name) for tree in trees])
        for name in ("feature", "threshold", "left", "right", "weight")
    )
    leaf = feature < 0
    return {
        "nodes_treeids": number.tolist(),
        "nodes_nodeids": node.tolist(),
        "nodes_featureids": np.where(leaf, 0, feature).tolist(),
        "nodes_values": threshold.tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": np.where(leaf, 0, left).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, right).tolist(),
        "target_treeids": number[leaf].tolist(),
        "target_nodeids": node[leaf].tolist(),
        "target_ids": np.zeros(int(leaf.sum()), int).tolist(),
        "target_weights": weight[leaf].tolist(),
    }


def _mahalanobis(draft: _Draft, mahalanobis: Mahalanobis, columns: str) -> str:
    """Squared distance `[n]`; writes `mahalanobis`."""
    centre = draft.constant("centre", mahalanobis.centre[:, None])
    off = draft.add("Sub", [columns, centre], "off_centre")
    whitened = draft.add("MatMul", [draft.constant("whitening", mahalanobis.whitening), off], "whitened")
    return _sum(draft, draft.add("Mul", [whitened, whitened], "whitened_squared"), "mahalanobis")


def _head(draft: _Draft, head: Head, columns: str) -> str:
    """Log odds `[n]` of any fault; writes `head`."""
    scaled = draft.add("Mul", [columns, draft.constant("input_scale", INPUT_SCALE)], "z_scaled")
    logits = _layers(draft, "head", head.layers, scaled)
    bounds = [draft.constant(f"logit_{side}", value) for side, value in (("low", -LOGIT_BOUND), ("high", LOGIT_BOUND))]
    odds = draft.add("Exp", [draft.add("Clip", [logits, *bounds], "logits")], "odds")
    return draft.add("Log", [_sum(draft, odds, "odds_sum")], "head")


def _combine(draft: _Draft, components: Components[str], calibrations: Calibrations) -> None:
    """Calibrate the components, weigh them, and calibrate the sum; writes `score` and `probability`."""
    weighted = []
    for name, raw, calibration, weight in zip(
        Components._fields, components, calibrations.components, WEIGHTS, strict=True
    ):
        tail = _calibrate(draft, raw, f"{name}_tail", calibration)
        weighted.append(draft.add("Mul", [tail, draft.constant(f"{name}_weight", weight)], f"{name}_weighted"))
    total = draft.add("Sum", weighted, "combined")
    calibrated = _calibrate(draft, total, "combined_tail", calibrations.combined)
    highest = draft.constant("highest_score", HIGHEST_SCORE)
    score = draft.add("Clip", [calibrated, "zero", highest], "score")
    exponent = draft.add("Mul", [score, draft.constant("minus_ln_10", -np.log(10))], "score_exponent")
    draft.add("Exp", [exponent], "probability")


def _calibrate(draft: _Draft, raw: str, name: str, calibration: Calibration) -> str:
    above = draft.add("Sub", [raw, draft.constant(f"{name}_knots", calibration.knot[:, None])], f"{name}_above")
    hinge = draft.add("Relu", [above], f"{name}_hinges")
    slopes = draft.constant(f"{name}_slopes", calibration.slope[:, None])
    return _sum(draft, draft.add("Mul", [hinge, slopes], f"{name}_steps"), name)


def _sum(draft: _Draft, rows: str, output: str) -> str:
    return draft.add("ReduceSum", [rows, "windows_last"], output, keepdims=0)

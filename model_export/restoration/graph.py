"""The trees of all quantiles as one ONNX operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper

from functions.adapters.onnx_scorer import ML_OPSET, OPSET
from functions.adapters.restoration_model import INPUT, OUTPUT
from functions.domain.restoration_features import FEATURES
from model_export.graph import IR_VERSION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from model_export.restoration.fitting import Boosted


def build_graph(boosted: Boosted) -> bytes:
    """Serialised model; the same trees give the same bytes."""
    bases = [float(np.ravel(each._baseline_prediction)[0]) for each in boosted.regressors]  # noqa: SLF001 - has no other name
    node = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        [OUTPUT],
        name=OUTPUT,
        domain="ai.onnx.ml",
        n_targets=len(bases),
        base_values=bases,
        aggregate_function="SUM",
        post_transform="NONE",
        **_ensemble(boosted),
    )
    graph = helper.make_graph(
        [node],
        "metersentry-restoration",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", len(FEATURES)])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", len(bases)])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, producer_name="metersentry", opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def _ensemble(boosted: Boosted) -> dict[str, list]:
    """The operator's attributes: every node of every tree, one after the other."""
    trees = [
        (target, trees_of_round[0].nodes)
        for target, regressor in enumerate(boosted.regressors)
        for trees_of_round in regressor._predictors  # noqa: SLF001 - the fitted trees have no other name
    ]
    sizes = [len(nodes) for _, nodes in trees]
    number, target = (np.repeat(each, sizes) for each in (np.arange(len(trees)), [target for target, _ in trees]))
    node = np.concatenate([np.arange(size) for size in sizes])
    every = np.concatenate([nodes for _, nodes in trees])
    leaf = every["is_leaf"].astype(bool)
    return {
        "nodes_treeids": number.tolist(),
        "nodes_nodeids": node.tolist(),
        "nodes_featureids": np.where(leaf, 0, every["feature_idx"]).tolist(),
        "nodes_values": _rounded_down(np.where(leaf, 0.0, every["num_threshold"])).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": np.where(leaf, 0, every["left"]).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, every["right"]).tolist(),
        "nodes_missing_value_tracks_true": np.where(leaf, 0, every["missing_go_to_left"]).tolist(),
        "target_treeids": number[leaf].tolist(),
        "target_nodeids": node[leaf].tolist(),
        "target_ids": target[leaf].tolist(),
        "target_weights": every["value"][leaf].astype(np.float32).tolist(),
    }


def _rounded_down(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    # `x <= t` for float32 x and float64 t is the same as `x <= the largest float32 not above t`.
    nearest = threshold.astype(np.float32)
    return np.where(nearest > threshold, np.nextafter(nearest, np.float32(-np.inf)), nearest)

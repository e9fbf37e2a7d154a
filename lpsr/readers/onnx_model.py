"""The plate reader's network as an ONNX model: ONNX Runtime reads one plate in about half the time of PyTorch."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from lpsr.models.plate_reader import CLASSES, FRAMES, SIZE, PlateReaderNetwork, fold_normalisation

# As of exported checkpoints.
OPSET = 18
# PyTorch has an LSTM's gates as input, forget, cell and output, ONNX as input, output, forget and cell.
_GATES = (0, 3, 1, 2)


def to_onnx(network: PlateReaderNetwork) -> bytes:
    """A model that reads what the network reads, which is spent: its normalisation is folded.

    Its input "plate" is ``(1, 3, 32, 128)`` uint8 RGB, its output "logits" ``(32, 66)`` float32. Written by hand, since
    PyTorch's exporter takes seconds and switches oneDNN off for the whole process.
    """
    graph = _Graph()
    network = fold_normalisation(network)
    level = graph.add("Cast", "plate", to=TensorProto.FLOAT)
    x = graph.add("Sub", graph.add("Mul", level, np.float32(2 / 255)), np.float32(1))
    x = graph.add("Relu", graph.convolution(x, network.stem[0]))
    for block in network.blocks:
        within = graph.add("Relu", graph.convolution(x, block.conv1))
        within, beside = graph.convolution(within, block.conv2), graph.convolution(x, block.downsample)
        x = graph.add("Relu", graph.add("Add", within, beside))
    x = graph.add("Relu", graph.convolution(x, network.column[0]))
    x = graph.add("Transpose", graph.add("Squeeze", x, np.int64([2])), perm=[2, 0, 1])  # (32, 1, 160)
    x = graph.add("Reshape", graph.lstm(x, network.along), np.int64([FRAMES, -1]))  # (32, 256)
    weight, bias = (_array(tensor) for tensor in (network.classify.weight, network.classify.bias))
    x = graph.add("Gemm", x, weight, bias, transB=1)
    plate = helper.make_tensor_value_info("plate", TensorProto.UINT8, (1, 3, *SIZE))
    logits = helper.make_tensor_value_info(x, TensorProto.FLOAT, (FRAMES, CLASSES))
    made = helper.make_graph(graph.nodes, "plate reader", [plate], [logits], graph.constants)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(made, opset_imports=[opset], ir_version=helper.find_min_ir_version_for([opset]))
    onnx.checker.check_model(model)
    return model.SerializeToString()


class _Graph:
    """Nodes in their order, and the arrays that they use."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str | np.ndarray | np.generic, **attributes: object) -> str:
        """A node with one output, whose name is returned; an input is such a name, an array, or "" for none."""
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        output = f"{kind.lower()}-{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [output], **attributes))
        return output

    def convolution(self, x: str, layer: nn.Conv2d) -> str:
        rows, columns = layer.padding
        weight, bias = _array(layer.weight), _array(layer.bias)
        return self.add("Conv", x, weight, bias, strides=list(layer.stride), pads=[rows, columns, rows, columns])

    def lstm(self, x: str, layer: nn.LSTM) -> str:
        """``(T, 1, inputs)`` to ``(T, 1, 2 × hidden)``, both directions."""
        weights = [
            np.stack([_gates(getattr(layer, f"{kind}_l0{direction}")) for direction in ("", "_reverse")])
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        bias = np.concatenate(weights[2:], axis=1)
        hidden = layer.hidden_size
        y = self.add("LSTM", x, *weights[:2], bias, direction="bidirectional", hidden_size=hidden)  # (T, 2, 1, hidden)
        return self.add("Transpose", y, perm=[0, 2, 1, 3])

    def _constant(self, array: np.ndarray | np.generic) -> str:
        name = f"constant-{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name


def _array(tensor: nn.Parameter) -> np.ndarray:
    return tensor.detach().numpy()


def _gates(tensor: nn.Parameter) -> np.ndarray:
    gates = np.split(_array(tensor), 4)
    return np.concatenate([gates[i] for i in _GATES])

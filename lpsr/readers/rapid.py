"""RapidOCR's recogniser on the same weights: lighter to load, and the fallback of PaddleOCR."""

from importlib.metadata import version

import numpy as np

from lpsr.readers.base import CtcReader
from lpsr.readers.weights import INPUT_SHAPE, MAX_WIDTH, onnx_file, prepare_environment


def load() -> CtcReader:
    """RapidOCR with recognition only, on one thread. Raises InputError where its weights are missing."""
    prepare_environment()
    weights = onnx_file()
    import onnxruntime
    from rapidocr import RapidOCR

    params = {
        "Global.log_level": "critical",
        "Global.use_det": False,
        "Global.use_cls": False,
        "Rec.model_path": str(weights),
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,
    }
    program = RapidOCR(params=params)
    # Its recogniser is made on the first call. Later calls go to the recogniser itself, which holds no state, whereas
    # ``RapidOCR.__call__`` does and keeps the network's output to itself.
    program(np.zeros((*INPUT_SHAPE[1:], 3), np.uint8))
    recognizer = program.text_rec
    _, height, least_width = INPUT_SHAPE

    def probabilities(picture: np.ndarray) -> np.ndarray:
        # The PP-OCR recognisers were trained on OpenCV's channel order.
        bgr = np.ascontiguousarray(picture[..., ::-1])
        ratio = min(max(least_width / height, bgr.shape[1] / bgr.shape[0]), MAX_WIDTH / height)
        return recognizer.session(recognizer.resize_norm_img(bgr, ratio)[np.newaxis])[0]

    label = f"RapidOCR {version('rapidocr')}, PP-OCRv6_rec_small, onnxruntime {onnxruntime.__version__}"
    return CtcReader("rapidocr", label, recognizer.postprocess_op.character, probabilities)

"""A GGUF with every weight widened to f32: the same model without quantized arithmetic.

The widened weights are exactly the numbers that the quantized blocks stand for. What
goes away is the rounding of activations to 8 bits that quantized products bring.
"""

from pathlib import Path

import gguf
import numpy

ALL_F32 = 0  # `general.file_type`


def dequantize(source: Path, target: Path) -> None:
    reader = gguf.GGUFReader(source)
    architecture = reader.get_field(gguf.Keys.General.ARCHITECTURE).contents()
    writer = gguf.GGUFWriter(target, architecture)
    for key, entry in reader.fields.items():
        # The writer makes these itself.
        if key.startswith("GGUF.") or key == gguf.Keys.General.ARCHITECTURE:
            continue
        value = ALL_F32 if key == gguf.Keys.General.FILE_TYPE else entry.contents()
        kind = entry.types[0]
        element = entry.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, value, kind, element)
    for tensor in reader.tensors:
        weights = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, weights.astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

"""Two small files of the reference safetensors writer, for the reader's tests.

usage: safetensors_sample.py OUT_DIR

reference.safetensors has the types that tensors hold, all-types.safetensors also others. Element i of a tensor is i - 3.
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file


def ramp(dtype, *shape):
    return (torch.arange(torch.Size(shape).numel()) - 3).to(dtype).reshape(shape)


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    held = {
        'f32': ramp(torch.float32, 2, 3),
        'bf16': ramp(torch.bfloat16, 5),
        'f16': ramp(torch.float16, 3, 1, 3),
        'i32': ramp(torch.int32, 2, 2, 2, 2),
        'scalar': ramp(torch.float32),
        'empty': ramp(torch.float32, 0, 4),
        'naïve "名" \t': ramp(torch.float32, 1),
    }
    save_file(held, out / 'reference.safetensors', {'made by': 'safetensors "0.8" ✓'})
    others = {
        'i64': ramp(torch.int64, 4), 'f64': ramp(torch.float64, 4), 'u8': ramp(torch.uint8, 3), 'i8': ramp(torch.int8, 3),
        'i16': ramp(torch.int16, 3), 'bool': torch.tensor([True, False]), 'f8': ramp(torch.float8_e4m3fn, 3),
        'c64': ramp(torch.complex64, 1), 'rank5': ramp(torch.float32, 1, 2, 1, 2, 1),
    }
    save_file(held | others, out / 'all-types.safetensors')


if __name__ == '__main__':
    main()

"""Which PyTorch this is, as one line of JSON."""
import json
import platform
import sys

try:
    import torch
except ImportError as error:
    sys.exit(str(error))

print(json.dumps(dict(
    torch=torch.__version__, python=platform.python_version(), mkl=torch.backends.mkl.is_available(),
    onednn=torch.backends.mkldnn.is_available(), cpu_capability=torch.backends.cpu.get_cpu_capability())))

"""How fast PyTorch reads memory: a second opinion on what GeneratePeer measures. One line of JSON, in GB/s (1e9 bytes)."""
import argparse
import json
import time

import torch


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="bytes read in each pass, in MiB; larger than the caches")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2, help="of each way of reading")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    columns = 1024
    matrix = torch.rand(a.mib * (1 << 18) // columns, columns)
    vector = torch.rand(columns)
    result = torch.empty(matrix.shape[0])
    best = {}
    for name, read in dict(sum=lambda: matrix.sum(), linear=lambda: torch.mv(matrix, vector, out=result)).items():
        times, start = [], time.perf_counter()
        while len(times) < 3 or time.perf_counter() - start < a.seconds:
            begin = time.perf_counter()
            read()
            times.append(time.perf_counter() - begin)
        best[f"bandwidth_{name}_gb_s"] = 1e-9 * matrix.nbytes / min(times)
    print(json.dumps(dict(peer="pytorch", item="generate", threads=a.threads, bandwidth_gb_s=max(best.values()), **best)))


main()

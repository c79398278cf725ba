"""The matrix products of GemmPeer in PyTorch: torch.mm on float32, one line of JSON for each.

Every linear map of a decoder's training step at batch size 1, forward and both gradients, with the transposes they have there.
"""
import argparse
import json
import statistics
import time

import torch

# Width, time, vocabulary; the presets of GptConfig.
MODELS = dict(tiny=(128, 128, 256), lm11m=(384, 512, 50257), gpt2s=(768, 1024, 50257))


def linear_maps(dim, vocab):
    return dict(QKV=(dim, 3 * dim), OUT=(dim, dim), UP=(dim, 4 * dim), DOWN=(4 * dim, dim), HEAD=(dim, vocab))


def products(time_steps, fan_in, fan_out):
    """Name, (M, N, K) and the call of the three products of one linear map."""
    x, weight = torch.rand(time_steps, fan_in) * 2 - 1, torch.rand(fan_out, fan_in) * 2 - 1
    y, dx, dweight = torch.rand(time_steps, fan_out) * 2 - 1, torch.empty_like(x), torch.empty_like(weight)
    yield "forward", (time_steps, fan_out, fan_in), lambda: torch.mm(x, weight.t(), out=y)
    yield "dX", (time_steps, fan_in, fan_out), lambda: torch.mm(y, weight, out=dx)
    yield "dW", (fan_out, fan_in, time_steps), lambda: torch.mm(y.t(), x, out=dweight)


def repeat(call, count, seconds):
    times, start = [], time.perf_counter()
    while len(times) < count or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return times


def warm_up(model, seconds):
    dim, time_steps, vocab = MODELS[model]
    calls = [call for shape in linear_maps(dim, vocab).values() for _, _, call in products(time_steps, *shape)]
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        for call in calls:
            call()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warmup-seconds", type=float, default=5, help="over all products of the first model")
    parser.add_argument("--repetitions", type=int, default=5, help="of each product, timed: at least so many")
    parser.add_argument("--seconds", type=float, default=0.5, help="and at least so long; before it, two and a third of it")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    models = a.models.split(",")
    warm_up(models[0], a.warmup_seconds)
    for model in models:
        dim, time_steps, vocab = MODELS[model]
        for layer, shape in linear_maps(dim, vocab).items():
            for product, (m, n, k), call in products(time_steps, *shape):
                repeat(call, min(2, a.repetitions), a.seconds / 3)
                times = repeat(call, a.repetitions, a.seconds)
                gflop = 2e-9 * m * n * k
                print(json.dumps(dict(
                    peer="pytorch", item=f"{model} {layer} {product}", m=m, n=n, k=k, threads=a.threads,
                    repetitions=len(times), gflops_median=gflop / statistics.median(times),
                    gflops_best=gflop / min(times))), flush=True)


main()

"""The training step of StepPeer in PyTorch: the same decoder, sizes and options; one line of JSON with the times.

The decoder is the small-batch paper's: RMSNorm without weights, QK-norm, rotary positions, GELU, no biases, untied head.
PyTorch gets what makes it fast: fused optimizers, scaled_dot_product_attention, gradients set to None; --compile on request.
"""
import argparse
import json
import pathlib
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

EPSILON = 1e-6


def normalize(x):
    return F.rms_norm(x, x.shape[-1:], eps=EPSILON)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.split = (3, heads, dim // heads)
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(self, x, cos, sin):
        query, key, value = self.qkv(x).unflatten(-1, self.split).unbind(2)
        query, key = rotate(normalize(query), cos, sin), rotate(normalize(key), cos, sin)
        mixed = F.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), is_causal=True)
        return self.out(mixed.transpose(1, 2).flatten(2))


def rotate(x, cos, sin):
    """Element i of a head turns with element i + half; x is (batch, time, heads, head size)."""
    low, high = x.chunk(2, dim=-1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), dim=-1)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.attention = Attention(dim, heads)
        self.mlp = nn.Sequential(
            nn.Linear(dim, 4 * dim, bias=False), nn.GELU(approximate="tanh"), nn.Linear(4 * dim, dim, bias=False))

    def forward(self, x, cos, sin):
        x = x + self.attention(normalize(x), cos, sin)
        return x + self.mlp(normalize(x))


class Decoder(nn.Module):
    def __init__(self, a):
        super().__init__()
        half = a.dim // a.heads // 2
        angle = torch.arange(a.seq)[:, None] * 10000.0 ** (-torch.arange(half) / half)
        self.register_buffer("cos", angle.cos()[:, None, :])
        self.register_buffer("sin", angle.sin()[:, None, :])
        self.embed = nn.Embedding(a.vocab, a.dim)
        self.blocks = nn.ModuleList(Block(a.dim, a.heads) for _ in range(a.layers))
        self.head = nn.Linear(a.dim, a.vocab, bias=False)

    def forward(self, tokens):
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return self.head(normalize(x))


def optimizer(name, parameters):
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=1e-3, fused=True)
    return torch.optim.AdamW(parameters, lr=1e-4, betas=(0.9, 0.999), weight_decay=0.01, fused=True)


def peak_rss_mib():
    """The most memory the process ever had resident. Linux counts ru_maxrss over exec, so its own count goes first."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in dict(dim=384, layers=6, heads=3, seq=512, vocab=50257, batch=1, threads=2).items():
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--opt", choices=("sgd", "adamw"), default="adamw")
    parser.add_argument("--warmup-steps", type=int, default=10, help="at least so many")
    parser.add_argument("--warmup-seconds", type=float, default=5, help="and at least so long")
    parser.add_argument("--steps", type=int, default=10, help="timed: at least so many")
    parser.add_argument("--seconds", type=float, default=10, help="and at least so long")
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    return parser.parse_args()


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    decoder = Decoder(a)
    update = optimizer(a.opt, decoder.parameters())
    model = torch.compile(decoder) if a.compile else decoder
    first_end = None
    loss = None

    def step():
        """The seconds of one step; its tokens are drawn before the clock starts."""
        nonlocal first_end, loss
        text = torch.randint(a.vocab, (a.batch, a.seq + 1))
        tokens, targets = text[:, :-1].contiguous(), text[:, 1:].contiguous()
        begin = time.perf_counter()
        loss_now = F.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())
        loss_now.backward()
        update.step()
        update.zero_grad(set_to_none=True)
        loss = loss_now.item()
        seconds = time.perf_counter() - begin
        first_end = first_end or time.time()
        return seconds

    def repeat(count, seconds):
        times, begin = [], time.perf_counter()
        while len(times) < count or time.perf_counter() - begin < seconds:
            times.append(step())
        return times

    begin = time.perf_counter()
    warmup = len(repeat(a.warmup_steps, a.warmup_seconds))
    warmup_seconds = time.perf_counter() - begin
    times = repeat(a.steps, a.seconds)
    tokens, median = a.batch * a.seq, statistics.median(times)
    print(json.dumps(dict(
        peer="pytorch", item="step", params=sum(p.numel() for p in decoder.parameters()), opt=a.opt, threads=a.threads,
        compiled=a.compile, warmup_steps=warmup, warmup_s=warmup_seconds, steps=len(times),
        tokens_per_s_median=tokens / median, tokens_per_s_best=tokens / min(times), ms_per_step_median=1e3 * median,
        ms_per_step_best=1e3 * min(times), peak_rss_mib=peak_rss_mib(), loss=loss, first_step_epoch_s=first_end)))


main()

"""Two tiny models in PyTorch, as a witness independent of the Java code.

usage: torch_witness.py OUT_DIR        writes OUT_DIR/paper.safetensors and OUT_DIR/gpt2.safetensors

The models are plain functions over a dictionary of weights that carries the Java project's names. See README.md here.
"""
import json
import math
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

SEED = 20250707
D, L, T, V, B, STEPS = 32, 2, 24, 61, 2, 10
SGD = dict(lr=0.1)
ADAMW = dict(lr=3e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)


def rms_norm(x):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


def layer_norm(x, weight, bias):
    centred = x - x.mean(-1, keepdim=True)
    return centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + 1e-5) * weight + bias


def gelu(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def rope(x):
    """Half-split rotation: element i turns with element i + H/2 by position * 10000^(-2i/H)."""
    half = x.shape[-1] // 2
    rate = 10000 ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = torch.outer(torch.arange(x.shape[-2], dtype=torch.float64), rate)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def attention(qkv, heads, prepare):
    """Causal attention of (B, T, 3D), whose channels are q heads, then k heads, then v heads."""
    batch, time, width = qkv.shape
    q, k, v = (part.view(batch, time, heads, -1).transpose(1, 2) for part in qkv.split(width // 3, -1))
    q, k = prepare(q), prepare(k)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    future = torch.ones(time, time, dtype=torch.bool).triu(1)
    mixed = torch.softmax(scores.masked_fill(future, -math.inf), -1) @ v
    return mixed.transpose(1, 2).reshape(batch, time, width // 3)


class Paper:
    """Pre-norm RMSNorm without weights, QK-norm, RoPE, GELU MLP, no biases, untied head."""
    name, heads = 'paper', 2
    config = dict(norm='rmsnorm', norm_eps=1e-6, qk_norm=True, positions='rope', rope_base=10000, bias=False,
                  tied=False, activation='gelu-tanh')

    def weights(self, rng):
        def uniform(rows, columns, bound):
            return (torch.rand(rows, columns, generator=rng) * 2 - 1) * bound

        head_size = D // self.heads
        w = {'embed.weight': torch.randn(V, D, generator=rng) / math.sqrt(D)}
        for i in range(L):
            w[f'h.{i}.attn.qkv.weight'] = uniform(3 * D, D, math.sqrt(2 / (self.heads * (D + head_size))))
            w[f'h.{i}.attn.out.weight'] = uniform(D, D, math.sqrt(6 / (D * (1 + self.heads))))
            w[f'h.{i}.mlp.up.weight'] = uniform(4 * D, D, math.sqrt(6 / (5 * D)))
            w[f'h.{i}.mlp.down.weight'] = uniform(D, 4 * D, math.sqrt(6 / (5 * D)))
        w['head.weight'] = torch.randn(V, D, generator=rng) / math.sqrt(D)
        return w

    def logits(self, w, tokens):
        x = w['embed.weight'][tokens]
        for i in range(L):
            h = f'h.{i}.'
            qkv = rms_norm(x) @ w[h + 'attn.qkv.weight'].T
            x = x + attention(qkv, self.heads, lambda part: rope(rms_norm(part))) @ w[h + 'attn.out.weight'].T
            x = x + gelu(rms_norm(x) @ w[h + 'mlp.up.weight'].T) @ w[h + 'mlp.down.weight'].T
        return rms_norm(x) @ w['head.weight'].T


class Gpt2:
    """Pre-norm LayerNorm, learned positions, biases everywhere, GELU MLP, head tied to the embedding."""
    name, heads = 'gpt2', 4
    config = dict(norm='layernorm', norm_eps=1e-5, qk_norm=False, positions='learned', bias=True, tied=True,
                  activation='gelu-tanh')

    def weights(self, rng):
        """Larger than GPT-2's own initialization, and no bias zero, so that every path carries signal."""
        def normal(std, *shape):
            return torch.randn(*shape, generator=rng) * std

        w = {'embed.weight': normal(0.2, V, D), 'positions.weight': normal(0.2, T, D)}
        for i in range(L):
            h = f'h.{i}.'
            for name, out, inner in (('attn.qkv', 3 * D, D), ('attn.out', D, D), ('mlp.up', 4 * D, D), ('mlp.down', D, 4 * D)):
                w[h + name + '.weight'] = normal(1 / math.sqrt(inner), out, inner)
                w[h + name + '.bias'] = normal(0.1, out)
            for name in ('norm1', 'norm2'):
                w[h + name + '.weight'] = 1 + normal(0.1, D)
                w[h + name + '.bias'] = normal(0.1, D)
        w['norm.weight'] = 1 + normal(0.1, D)
        w['norm.bias'] = normal(0.1, D)
        return w

    def logits(self, w, tokens):
        def linear(x, name):
            return x @ w[name + '.weight'].T + w[name + '.bias']

        def norm(x, name):
            return layer_norm(x, w[name + '.weight'], w[name + '.bias'])

        x = w['embed.weight'][tokens] + w['positions.weight'][:tokens.shape[1]]
        for i in range(L):
            h = f'h.{i}.'
            qkv = linear(norm(x, h + 'norm1'), h + 'attn.qkv')
            x = x + linear(attention(qkv, self.heads, lambda part: part), h + 'attn.out')
            x = x + linear(gelu(linear(norm(x, h + 'norm2'), h + 'mlp.up')), h + 'mlp.down')
        return norm(x, 'norm') @ w['embed.weight'].T


def sequences(rng):
    """(STEPS, B, T + 1) tokens that mostly follow one rule, so that there is something to learn."""
    out = torch.randint(V, (STEPS, B, T + 1), generator=rng)
    follow = torch.rand(out.shape, generator=rng) < 0.7
    for t in range(T):
        out[..., t + 1] = torch.where(follow[..., t], (out[..., t] * 7 + 3) % V, out[..., t + 1])
    return out


def loss_of(model, w, tokens, targets):
    return F.cross_entropy(model.logits(w, tokens).flatten(0, 1), targets.flatten())


def gradients(model, initial, tokens, targets, dtype):
    w = {name: value.detach().to(dtype, copy=True).requires_grad_() for name, value in initial.items()}
    loss = loss_of(model, w, tokens, targets)
    return dict(zip(w, torch.autograd.grad(loss, list(w.values()))))


def train(model, initial, tokens, targets, make_optimizer):
    """Losses before each of the steps, and the weights after the last."""
    w = {name: value.clone().requires_grad_() for name, value in initial.items()}
    optimizer = make_optimizer(list(w.values()))
    losses = []
    for step in range(STEPS):
        loss = loss_of(model, w, tokens[step], targets[step])
        losses.append(loss.detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return torch.stack(losses), {name: value.detach() for name, value in w.items()}


def relative(a, b):
    return ((a.double() - b).norm() / b.norm()).item()


def witness(model):
    rng = torch.Generator().manual_seed(SEED)
    initial = model.weights(rng)
    stream = sequences(rng)
    tokens, targets = stream[..., :-1], stream[..., 1:]

    logits = model.logits(initial, tokens[0])
    grads = gradients(model, initial, tokens[0], targets[0], torch.float32)
    sgd_losses, _ = train(model, initial, tokens, targets, lambda p: torch.optim.SGD(p, **SGD))
    adamw_losses, trained = train(model, initial, tokens, targets, lambda p: torch.optim.AdamW(p, **ADAMW))

    exact = {name: value.double() for name, value in initial.items()}
    exact_grads = gradients(model, initial, tokens[0], targets[0], torch.float64)
    print(model.name, 'float32 against float64: logits', relative(logits, model.logits(exact, tokens[0])),
          'worst gradient', max(relative(grads[name], exact_grads[name]) for name in grads))
    print(' sgd', sgd_losses.tolist(), '\n adamw', adamw_losses.tolist())

    tensors = {'tokens': tokens.int().contiguous(), 'targets': targets.int().contiguous(), 'logits': logits,
               'sgd.losses': sgd_losses, 'adamw.losses': adamw_losses}
    tensors |= {'w/' + name: value for name, value in initial.items()}
    tensors |= {'g/' + name: value for name, value in grads.items()}
    tensors |= {'adamw.w/' + name: value for name, value in trained.items()}
    about = dict(model.config, torch=torch.__version__, seed=SEED, dim=D, layers=L, heads=model.heads,
                 mlp_dim=4 * D, seq_len=T, vocab_size=V, batch_size=B, steps=STEPS, sgd=SGD, adamw=ADAMW)
    # One entry, because the writer puts several into an order that changes from run to run.
    return tensors, {'witness': json.dumps(about)}


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for model in (Paper(), Gpt2()):
        tensors, metadata = witness(model)
        save_file(tensors, out / f'{model.name}.safetensors', metadata)


if __name__ == '__main__':
    main()

"""The workloads that users write with PyTorch: gradients, training steps, loops."""

import torch
from torch.nn import functional

from .torch_entry import eager_peer, gradient, peer, stepwise, training


@gradient()
def softmax_gradient(x):
    return (torch.softmax(x, -1) ** 2).sum()


@gradient(3)
def layer_norm_gradient(x, scale, offset):
    return (functional.layer_norm(x, (1024,), scale, offset) ** 3).sum()


@gradient()
def logsumexp_gradient(x):
    return (torch.logsumexp(x, 1) ** 2).sum()


@gradient()
def embedding_gradient(table, words):
    return (table[words].mean(1) ** 2).sum()


@gradient(compiles=False)
def segment_sum_gradient(values, segments):
    return (torch.zeros(1000).index_add(0, segments, values) ** 2).sum()


@gradient(2)
def batch_norm_gradient(params, x):
    # Features last, as the workload has them: the library wants them second.
    y = functional.batch_norm(x.permute(0, 3, 1, 2), None, None, *params, training=True, eps=1e-5)
    return (torch.relu(y) ** 2).mean()


@gradient()
def attention_gradient(params, x):
    def split_heads(x):
        return x.unflatten(-1, (4, -1)).transpose(1, 2)

    q, k, v = (split_heads(x @ params[name]) for name in ("q", "k", "v"))
    mixed = functional.scaled_dot_product_attention(q, k, v)
    x = x + mixed.transpose(1, 2).reshape(x.shape) @ params["o"]
    return ((x + torch.tanh(x @ params["up"]) @ params["down"]) ** 2).mean()


@peer
def per_example_gradients(params, x, y):
    def loss(params, x, y):
        logits = torch.tanh(x @ params["w1"]) @ params["w2"]
        shifted = logits - logits.max()
        return torch.log(torch.exp(shifted).sum()) - (shifted * y).sum()

    return torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(params, x, y)


@eager_peer
def hessian(x):
    def f(x):
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    return torch.func.hessian(f)(x)


@eager_peer
def fourth_derivative(x):
    x.requires_grad_()
    y = torch.sin(x) * torch.exp(-x * x)
    for order in range(4):
        y = torch.autograd.grad(y.sum(), x, create_graph=order < 3)[0]
    return y


@gradient(compiles=False)
def eager_grad(w, x, y):
    return ((torch.tanh(x @ w) - y) ** 2).mean()


@training
def dense_step(params, x, y):
    for layer in params[:-1]:
        x = torch.relu(torch.addmm(layer["b"], x, layer["w"]))
    logits = torch.addmm(params[-1]["b"], x, params[-1]["w"])
    return functional.cross_entropy(logits, y.long())


@training
def conv_step(params, x, y):
    def convolve(x, layer, stride):
        # "SAME" with a stride pads one more behind than before.
        x = functional.pad(x, (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1))
        return torch.relu(functional.conv2d(x, layer["w"].permute(3, 2, 0, 1), layer["b"], stride))

    x = x.permute(0, 3, 1, 2)
    x = convolve(x, params["conv1"], 1)
    x = convolve(x, params["conv2"], 2)
    x = convolve(x, params["conv3"], 2)
    x = x.permute(0, 2, 3, 1).reshape(x.shape[0], -1)
    logits = torch.addmm(params["dense"]["b"], x, params["dense"]["w"])
    return functional.cross_entropy(logits, y.long())


@training
def transformer_step(params, words, labels):
    def normalize(x):
        return functional.layer_norm(x, (128,), eps=1e-5)

    x = params["words"][words]
    heads = (normalize(x) @ params["qkv"]).unflatten(-1, (3, 4, 32)).permute(2, 0, 3, 1, 4)
    mixed = functional.scaled_dot_product_attention(*heads, is_causal=True)
    x = x + mixed.transpose(1, 2).flatten(2) @ params["out"]
    hidden = functional.gelu(normalize(x) @ params["up"], approximate="tanh")
    x = x + hidden @ params["down"]
    logits = normalize(x) @ params["words"].T
    return functional.cross_entropy(logits.flatten(0, 1), labels.long())


@eager_peer
def adam_tree(params, grads, mean, square, count):
    p, g, m, s = (list(tree.values()) for tree in (params, grads, mean, square))
    m = torch._foreach_add(torch._foreach_mul(m, 0.9), torch._foreach_mul(g, 0.1))
    s = torch._foreach_addcmul(torch._foreach_mul(s, 0.999), g, g, value=0.001)
    rate = 1e-3 * torch.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    below = torch._foreach_add(torch._foreach_sqrt(s), 1e-8)
    p = torch._foreach_addcdiv(p, m, below, value=-float(rate))
    return tuple(dict(zip(params, leaves, strict=True)) for leaves in (p, m, s))


# Compiled as a whole, the loop would be unrolled, which takes minutes.
@gradient(compiles=False)
def recurrent_gradient(params, xs):
    hidden = torch.zeros(32, 64)
    for x in xs @ params["x"]:
        hidden = torch.tanh(torch.addmm(x, hidden, params["h"]))
    return (hidden**2).mean()


@eager_peer
def lstm_forward(params, xs):
    return lstm(params, xs)


@gradient(compiles=False)
def lstm_gradient(params, xs):
    return (lstm(params, xs) ** 2).mean()


def lstm(params, xs):
    """Return the last hidden state by the library's own LSTM, whose gates have another order."""
    order = torch.cat([torch.arange(i * 64, i * 64 + 64) for i in (0, 1, 3, 2)])
    h, x, b = (params[name][..., order] for name in ("h", "x", "b"))
    zeros = torch.zeros(1, 16, 64)
    weights = [x.T.contiguous(), h.T.contiguous(), b, torch.zeros_like(b)]
    return torch.lstm(xs, (zeros, zeros), weights, True, 1, 0.0, False, False, False)[1][0]


@stepwise
def mandelbrot(compile):
    @compile
    def step(x, y, count, re, im):
        inside = x * x + y * y < 4
        return (
            torch.where(inside, x * x - y * y + re, x),
            torch.where(inside, 2 * x * y + im, y),
            count + inside,
        )

    def f(re, im):
        x, y, count = re * 0, im * 0, torch.zeros(re.shape, dtype=torch.int32)
        for _ in range(50):
            x, y, count = step(x, y, count, re, im)
        return count.sum(dtype=torch.int32)

    return f


@stepwise
def stencil(compile):
    @compile
    def step(x):
        inner = x[1:-1, 1:-1]
        around = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:]
        return functional.pad(inner + 0.2 * (around - 4 * inner), (1, 1, 1, 1))

    def f(x):
        for _ in range(100):
            x = step(x)
        return x

    return f


@peer
def n_body(position, velocity, mass):
    apart = position[None, :, :] - position[:, None, :]
    squared = (apart**2).sum(-1) + 0.01
    pull = (mass[None, :] / (squared * torch.sqrt(squared)))[:, :, None] * apart
    velocity = velocity + 0.01 * pull.sum(1)
    return position + 0.01 * velocity, velocity

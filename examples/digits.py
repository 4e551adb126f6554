"""Train a dense and a convolutional network on scikit-learn's handwritten digits.

Run: python examples/digits.py [--epochs 40] [--seed 0] [--picture digits.png]

Prints a progress bar, then test accuracy, seconds and steps per second for each network, and draws
the loss, the accuracy and twenty test images with what both networks read in them.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import gradax as jax
import gradax.numpy as jnp
from gradax import random

BATCH = 64
N_TEST = 360
N_CLASSES = 10
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
NOISE = 0.15
TARGET = 0.97

Params = Any


class Network(NamedTuple):
    """Hold what training needs to know of one network."""

    name: str
    init: Callable[[jax.Array], Params]
    logits: Callable[[Params, jax.Array], jax.Array]


class Digits(NamedTuple):
    """Hold images f32[n,8,8] between 0 and 1 and labels i32[n], split for good."""

    train_images: jax.Array
    train_labels: jax.Array
    test_images: jax.Array
    test_labels: jax.Array


class Adam(NamedTuple):
    """Hold the running moments of the gradients and the number of steps taken."""

    mean: Params
    square: Params
    count: jax.Array


class History(NamedTuple):
    """Hold what one training left: loss and test accuracy an epoch, and the time it took."""

    losses: list[float]
    accuracies: list[float]
    predictions: np.ndarray
    seconds: float
    n_steps: int


def load_digits() -> Digits:
    """Return the 1,797 digits, 360 of them set apart by a fixed shuffle."""
    from sklearn import datasets

    data = datasets.load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    images = (data.images[order] / 16).astype(np.float32)
    labels = data.target[order].astype(np.int32)
    return Digits(
        train_images=jnp.asarray(images[N_TEST:]),
        train_labels=jnp.asarray(labels[N_TEST:]),
        test_images=jnp.asarray(images[:N_TEST]),
        test_labels=jnp.asarray(labels[:N_TEST]),
    )


def init_layer(key: jax.Array, *shape: int) -> Params:
    """Return He-scaled weights of `shape` and zero biases; the last axis is the output."""
    fan_in = int(np.prod(shape[:-1]))
    weight = random.normal(key, shape) * jnp.sqrt(2 / fan_in)
    return {"weight": weight, "bias": jnp.zeros(shape[-1])}


def init_dense(key: jax.Array) -> Params:
    """Return the parameters of 64 → 256 → 128 → 10."""
    sizes = [64, 256, 128, N_CLASSES]
    keys = random.split(key, len(sizes) - 1)
    return [init_layer(k, m, n) for k, m, n in zip(keys, sizes[:-1], sizes[1:], strict=True)]


def dense_logits(params: Params, image: jax.Array) -> jax.Array:
    """Return the ten logits of one image f32[8,8]."""
    x = image.reshape(-1)
    for layer in params[:-1]:
        x = jax.nn.relu(x @ layer["weight"] + layer["bias"])
    return x @ params[-1]["weight"] + params[-1]["bias"]


def init_conv(key: jax.Array) -> Params:
    """Return the parameters of two 3×3 convolutions and two dense layers."""
    keys = random.split(key, 4)
    return {
        "conv": [init_layer(keys[0], 3, 3, 1, 16), init_layer(keys[1], 3, 3, 16, 32)],
        "dense": [init_layer(keys[2], 4 * 4 * 32, 64), init_layer(keys[3], 64, N_CLASSES)],
    }


def convolve(x: jax.Array, layer: Params) -> jax.Array:
    """Return the same-sized convolution of one image f32[h,w,c]."""
    y = jax.lax.conv_general_dilated(
        x[None],
        layer["weight"],
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return y[0] + layer["bias"]


def pool(x: jax.Array) -> jax.Array:
    """Return the mean over 2×2 windows of one image f32[h,w,c]."""
    height, width, channels = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, channels).mean(axis=(1, 3))


def conv_logits(params: Params, image: jax.Array) -> jax.Array:
    """Return the ten logits of one image f32[8,8]."""
    x = image[:, :, None]
    for layer in params["conv"]:
        x = jax.nn.relu(convolve(x, layer))
    x = pool(x)
    hidden, last = params["dense"]
    x = jax.nn.relu(x.reshape(-1) @ hidden["weight"] + hidden["bias"])
    return x @ last["weight"] + last["bias"]


def smudge(key: jax.Array, image: jax.Array) -> jax.Array:
    """Add a little noise to one image, so that no two looks at it are the same."""
    return image + NOISE * random.normal(key, image.shape)


def cross_entropy(logits: jax.Array, label: jax.Array) -> jax.Array:
    """Return minus the log-probability of `label`."""
    return -jax.nn.log_softmax(logits)[label]


def apply_adam(params: Params, grads: Params, state: Adam) -> tuple[Params, Adam]:
    """Take one step of Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""
    count = state.count + 1
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, state.mean, grads)
    square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, state.square, grads)
    rate = LEARNING_RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)

    def update(p: jax.Array, m: jax.Array, s: jax.Array) -> jax.Array:
        return p - rate * m / (jnp.sqrt(s) + 1e-8) - LEARNING_RATE * WEIGHT_DECAY * p

    return jax.tree.map(update, params, mean, square), Adam(mean, square, count)


def make_step(network: Network) -> Callable[..., tuple[Params, Adam, jax.Array]]:
    """Return the jitted training step of `network`."""

    def loss(params: Params, key: jax.Array, images: jax.Array, labels: jax.Array) -> jax.Array:
        smudged = jax.vmap(smudge)(random.split(key, len(images)), images)
        logits = jax.vmap(network.logits, in_axes=(None, 0))(params, smudged)
        return jax.vmap(cross_entropy)(logits, labels).mean()

    @jax.jit
    def step(params, state, key, images, labels):
        value, grads = jax.value_and_grad(loss)(params, key, images, labels)
        params, state = apply_adam(params, grads, state)
        return params, state, value

    return step


def train(network: Network, digits: Digits, key: jax.Array, n_epochs: int) -> History:
    """Train `network` for `n_epochs` and say how it went while it goes."""
    step = make_step(network)
    predict = jax.jit(lambda p, x: jax.vmap(network.logits, (None, 0))(p, x).argmax(axis=1))
    key, init_key = random.split(key)
    params = network.init(init_key)
    zeros = jax.tree.map(jnp.zeros_like, params)
    state = Adam(zeros, zeros, jnp.array(0))
    n_batches = len(digits.train_labels) // BATCH
    losses, accuracies = [], []
    predictions = np.zeros(0)
    began = time.perf_counter()
    with tqdm(total=n_epochs * n_batches, desc=network.name, unit="step", mininterval=0.2) as bar:
        for _ in range(n_epochs):
            key, order_key = random.split(key)
            order = random.permutation(order_key, len(digits.train_labels))
            epoch_losses = []
            for batch in order[: n_batches * BATCH].reshape(n_batches, BATCH):
                key, step_key = random.split(key)
                images, labels = digits.train_images[batch], digits.train_labels[batch]
                params, state, value = step(params, state, step_key, images, labels)
                epoch_losses.append(value)
                bar.update()
            losses.append(float(jnp.stack(epoch_losses).mean()))
            predictions = np.asarray(predict(params, digits.test_images))
            accuracies.append(float((predictions == np.asarray(digits.test_labels)).mean()))
            bar.set_postfix(loss=f"{losses[-1]:.4f}", accuracy=f"{accuracies[-1]:.1%}")
    seconds = time.perf_counter() - began
    return History(losses, accuracies, predictions, seconds, n_epochs * n_batches)


def choose_examples(histories: dict[str, History], labels: np.ndarray) -> list[int]:
    """Return twenty test images: the first ones, then up to four of those misread."""
    right = np.all([h.predictions == labels for h in histories.values()], axis=0)
    wrong = np.flatnonzero(~right)[:4].tolist()
    first = [i for i in range(len(labels)) if i not in wrong]
    return first[: 20 - len(wrong)] + wrong


def draw(histories: dict[str, History], digits: Digits, path: Path) -> None:
    """Draw the loss, the accuracy and twenty test images, those misread in red."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    images, labels = np.asarray(digits.test_images), np.asarray(digits.test_labels)
    figure = plt.figure(figsize=(11, 9), layout="constrained")
    curves, pictures = figure.subfigures(2, 1, height_ratios=[1, 1.5])
    loss_axes, accuracy_axes = curves.subplots(1, 2)
    for name, history in histories.items():
        loss_axes.semilogy(history.losses, label=name)
        accuracy_axes.plot(history.accuracies, label=f"{name}: {history.accuracies[-1]:.1%}")
    loss_axes.set(title="training loss", xlabel="epoch")
    accuracy_axes.set(title="test accuracy", xlabel="epoch", ylim=(0.9, 1.0))
    for axes in (loss_axes, accuracy_axes):
        axes.grid(alpha=0.3)
        axes.legend()
    names = " / ".join(histories)
    pictures.suptitle(f"test images with the predictions: {names} (red: misread)")
    for axes, i in zip(
        pictures.subplots(4, 5).flat, choose_examples(histories, labels), strict=True
    ):
        read = [int(h.predictions[i]) for h in histories.values()]
        wrong = any(r != labels[i] for r in read)
        axes.imshow(images[i], cmap="gray_r")
        axes.set(xticks=[], yticks=[])
        title = " / ".join(map(str, read)) + (f" (is {labels[i]})" if wrong else "")
        axes.set_title(title, color="red" if wrong else "black")
        if wrong:
            axes.spines[:].set(color="red", linewidth=3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> int:
    """Train both networks, report, draw; return 1 if either reads worse than the target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, default=Path("digits.png"))
    options = parser.parse_args()
    digits = load_digits()
    n_train, n_test = len(digits.train_labels), len(digits.test_labels)
    print(f"{n_train} digits to learn from, {n_test} to be tested on", flush=True)
    networks = [
        Network("dense", init_dense, dense_logits),
        Network("convolutional", init_conv, conv_logits),
    ]
    keys = random.split(random.key(options.seed), len(networks))
    histories = {}
    for network, key in zip(networks, keys, strict=True):
        histories[network.name] = train(network, digits, key, options.epochs)
    for name, h in histories.items():
        print(
            f"{name:>13}: test accuracy {h.accuracies[-1]:.1%}, {h.seconds:.1f} seconds, "
            f"{h.n_steps / h.seconds:.0f} steps per second"
        )
    draw(histories, digits, options.picture)
    print(f"picture: {options.picture.resolve()}")
    return 0 if all(h.accuracies[-1] >= TARGET for h in histories.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

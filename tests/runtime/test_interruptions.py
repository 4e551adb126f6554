"""Ctrl-C, forks and the end of the process while calls run or programs are compiled."""

import os
import subprocess
import sys
import textwrap

import pytest

START = """
import os, signal, threading, time
# What a script starts in the background ignores Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
import gradax as jax
import gradax.numpy as jnp
jax.config.update("jax_enable_compilation_cache", False)
"""

ENDLESS = """
def interrupt_soon(seconds=0.5):
    timer = threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()

@jax.jit
def endless(x):
    return jax.lax.while_loop(lambda c: c > -2, lambda c: jnp.sin(c), x)
"""


def run(text, timeout=300 if "GRADAX_SANITIZED" in os.environ else 60):
    script = START + textwrap.dedent(text)
    return subprocess.run(
        [sys.executable, "-u", "-c", script], capture_output=True, text=True, timeout=timeout
    )


@pytest.mark.parametrize("how", ["print", "np.asarray", "float", "memoryview", "np.sin"])
def test_ctrl_c_while_a_result_is_waited_for(how):
    done = run(
        ENDLESS
        + f"""
y = endless(1.0)
interrupt_soon()
try:
    {how}(y)
except KeyboardInterrupt:
    print("interrupted")
    os._exit(0)
"""
    )
    assert done.stdout == "interrupted\n", done.stderr


def test_ctrl_c_at_the_end_of_the_process():
    done = run(ENDLESS + "\ny = endless(1.0)\nprint('waits', end='')\ninterrupt_soon(1.5)\n")
    assert done.returncode == 130, done.stderr
    assert done.stdout == "waits"


def test_threads_that_run_when_the_process_ends():
    done = run(
        """
        f = jax.jit(lambda x: jnp.sin(x @ x))
        x = jnp.ones((100, 100))
        np.asarray(f(x))

        def work():
            while True:
                np.asarray(f(f(x)))

        for _ in range(4):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.3)
        """
    )
    assert done.returncode == 0, done.stderr


def test_fork_while_another_thread_compiles():
    done = run(
        """
        def slow(x):
            for i in range(100):
                x = jnp.sin(x) * 1.01 + i
            return x

        def work():
            k = 0
            while True:
                k += 1
                jax.jit(lambda x: slow(x) * k)(jnp.ones(3))

        jax.jit(lambda x: slow(x))(jnp.ones(3))
        threading.Thread(target=work, daemon=True).start()
        codes = []
        for k in range(4):
            time.sleep(0.1)
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                y = jax.jit(lambda x: jnp.cos(x) * k)(jnp.zeros(5))
                os._exit(0 if float(y[0]) == k else 1)
            codes.append(os.waitpid(child, 0)[1])
        print(codes)
        os._exit(0)
        """
    )
    assert done.stdout == "[0, 0, 0, 0]\n", done.stderr


def test_numbers_as_arguments_are_named_once():
    # The names of the leaves are for messages: one walk, not one for each leaf.
    import time

    import gradax as jax

    def seconds(n):
        start = time.perf_counter()
        jax.jit(lambda xs: xs[0]).lower([1.0] * n)
        return time.perf_counter() - start

    seconds(10)
    # Linear: 20 times as long; quadratic: 400 times.
    assert min(seconds(8000) for _ in range(3)) < 120 * min(seconds(400) for _ in range(5))

"""Inputs that the workloads share: the same draws for both libraries."""


def normals(jnp, np, *shapes):
    """Return an array of float32 normals for each shape."""
    rng = np.random.default_rng(0)
    return tuple(jnp.asarray(rng.normal(size=s).astype(np.float32)) for s in shapes)


def normal(jnp, np, *shape):
    """Return one array of float32 normals."""
    return normals(jnp, np, shape)[0]


def uniforms(jnp, np, low, high, *shapes):
    """Return an array of float32 uniforms for each shape."""
    rng = np.random.default_rng(0)
    return tuple(jnp.asarray(rng.uniform(low, high, s).astype(np.float32)) for s in shapes)


def uniform(jnp, np, low, high, *shape):
    """Return one array of float32 uniforms."""
    return uniforms(jnp, np, low, high, shape)[0]


def integers(jnp, np, low, high, *shapes):
    """Return an array of int32 from `low` up to, not including, `high` for each shape."""
    rng = np.random.default_rng(1)
    return tuple(jnp.asarray(rng.integers(low, high, s).astype(np.int32)) for s in shapes)


def integer(jnp, np, low, high, *shape):
    """Return one array of int32."""
    return integers(jnp, np, low, high, shape)[0]

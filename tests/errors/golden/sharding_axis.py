import gradax as jax

mesh = jax.make_mesh((1,), ("data",))
jax.NamedSharding(mesh, jax.P("model"))

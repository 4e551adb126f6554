"""How figures are written: times, ratios, memory, tables."""


def time_text(seconds: float) -> str:
    """Return three digits and a unit."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1 or unit == "µs":
            value = seconds * factor
            digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
            return f"{value:.{digits}f} {unit}"
    raise AssertionError


def ratio_text(ratio: float, needed: float = 1.0, target: float | None = None) -> str:
    """Return a ratio, bold where it is less than needed, with a target in brackets."""
    text = f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"
    text = f"**{text}**" if ratio < needed else text
    return text if target is None else f"{text} [{target:g}]"


def memory_text(n_bytes: float) -> str:
    """Return mebibytes."""
    return f"{n_bytes / 2**20:.0f} MiB"


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table whose first column is left-aligned."""
    lines = ["| " + " | ".join(columns) + " |", "|---" + "|--:" * (len(columns) - 1) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"

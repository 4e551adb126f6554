"""Random small programs of ifs, loops and jumps, over integers: no rounding hides an error."""

import random


class Generator:
    """Writes the source of a function `f(a, b, n)`; every loop ends by itself."""

    def __init__(self, seed: int, size: int = 14) -> None:
        self.random = random.Random(seed)
        self.left = size
        self.n_loops = 0

    def source(self) -> str:
        body = ["c = a - b", "d = 1"]
        while self.left > 0:
            body += self.statement(0, False)
        if self.random.random() < 0.8:
            body.append("return (a * 3 + b * 5 + c * 7 + d) % 1009")
        else:
            body += ["if a < b:", "    return a % 1009", "else:", "    return (b + d) % 1009"]
        return "\n".join(["def f(a, b, n):", *("    " + line for line in body), ""])

    def expression(self, depth: int = 0) -> str:
        pick = self.random.random()
        if pick < 0.35 or depth > 2:
            return self.random.choice("abcdn")
        if pick < 0.5:
            return str(self.random.randint(-5, 9))
        one, two = self.expression(depth + 1), self.expression(depth + 1)
        if pick < 0.62:
            return f"({one} if {self.condition(depth + 1)} else {two})"
        return f"({one} {self.random.choice('+-*')} {two}) % 97"

    def condition(self, depth: int = 0) -> str:
        pick = self.random.random()
        if pick < 0.15 and depth < 2:
            return f"not ({self.condition(depth + 1)})"
        if pick < 0.4 and depth < 2:
            word = self.random.choice(["and", "or"])
            return f"({self.condition(depth + 1)} {word} {self.condition(depth + 1)})"
        compare = lambda: self.random.choice(["<", ">", "<=", ">=", "==", "!="])
        one, two = self.expression(2), self.expression(2)
        if pick < 0.55:
            return f"{one} {compare()} {two} {compare()} {self.expression(2)}"
        if pick < 0.65:
            return f"({one} + {two}) % 3"
        if pick < 0.7:
            return self.random.choice(["True", "False", "a is None", "n is not None"])
        return f"({one} + {two}) % 7 {compare()} {self.random.randint(0, 6)}"

    def block(self, depth: int, in_loop: bool) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(1, 3)):
            lines += self.statement(depth, in_loop)
        if self.random.random() < 0.22:
            choices = ["return (a + b * 2) % 1009", "return d % 11"]
            if in_loop:
                choices += ["break", "continue", "break", "continue"]
            lines.append(self.random.choice(choices))
        return ["    " + line for line in lines]

    def statement(self, depth: int, in_loop: bool) -> list[str]:
        self.left -= 1
        pick = self.random.random()
        if pick < 0.4 or depth > 2 or self.left < 0:
            return self.assignment()
        if pick < 0.7:
            return self.branch(depth, in_loop)
        return self.loop(depth)

    def assignment(self) -> list[str]:
        name = self.random.choice("abcd")
        if self.random.random() < 0.3:
            return [f"{name} += {self.expression(1)}", f"{name} %= 101"]
        if self.random.random() < 0.2:
            other = self.random.choice("abcd")
            if other != name:
                return [f"{name}, {other} = {self.expression(1)}, {self.expression(1)}"]
        return [f"{name} = {self.expression()}"]

    def branch(self, depth: int, in_loop: bool) -> list[str]:
        lines = [f"if {self.condition()}:", *self.block(depth + 1, in_loop)]
        if self.random.random() < 0.3:
            lines += [f"elif {self.condition()}:", *self.block(depth + 1, in_loop)]
        if self.random.random() < 0.5:
            lines += ["else:", *self.block(depth + 1, in_loop)]
        return lines

    def loop(self, depth: int) -> list[str]:
        self.n_loops += 1
        counter, pick = f"k{self.n_loops}", self.random.random()
        if pick < 0.35:
            head = [f"{counter} = 0"]
            test = f"{counter} < {self.random.randint(1, 5)} and ({self.condition()})"
            lines = [*head, f"while {test}:", f"    {counter} += 1", *self.block(depth + 1, True)]
        else:
            bounds = ["n", "3", "n + 1", "1, n", "4, 0, -1", "b % 4", "0, n, 2", "n, -1, -1"]
            lines = [f"for {counter} in range({self.random.choice(bounds)}):"]
            lines += [f"    d = (d + {counter}) % 53", *self.block(depth + 1, True)]
        if self.random.random() < 0.2:
            lines += ["else:", *self.block(depth + 1, False)[:1]]
            if not lines[-1].startswith("    ") or lines[-1].rstrip().endswith(":"):
                lines[-1:] = ["    d = (d + 2) % 53"]
        return lines

"""What the code itself is like, of one checkout or of two beside each other: a table.

    python benchmarks/house.py                  this checkout
    python benchmarks/house.py OTHER .          another one beside this one

Nothing is run but `a3c train --help`, with the interpreter in the checkout's .venv: without one that row is empty.
"""

import argparse
import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import report
from benchmark import ROOT

NAMES = {"a3c", "a2c", "ga3c", "impala", "random"}
"""The algorithms of this package."""
MAY_NAME_ONE = ("algorithms/", "recipes/", "agent.py")
ALSO_A_NETWORK = "a3c"
"""The paper's network is called as its algorithm, and so is the package: that name alone counts beside "algorithm"."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class House:
    """The package of a checkout, parsed."""

    def __init__(self, checkout: Path):
        self._checkout = checkout
        self._source = checkout / "src" / "a3c"
        self._texts = {
            path.relative_to(self._source).as_posix(): path.read_text() for path in self._source.rglob("*.py")
        }
        self._trees = {name: ast.parse(text) for name, text in self._texts.items()}

    def rows(self) -> dict[str, str]:
        """Every figure, by what it is of."""
        longest, function = max(self._functions())
        attributes, holder = max(self._attributes())
        fields, settings = max(self._fields())
        return {
            "files": str(len(self._texts)),
            "lines": f"{sum(len(text.splitlines()) for text in self._texts.values()):,}",
            "lines of the longest file": str(max(len(text.splitlines()) for text in self._texts.values())),
            "places that name an algorithm": str(sum(self._naming())),
            "attributes of the largest class": f"{attributes} ({holder})",
            "fields of the largest dataclass": f"{fields} ({settings})",
            "lines of the longest function": f"{longest} ({function})",
            "layers": str(len(self._layers())),
            "imports between rooms": str(len(self._arrows())),
            "`Any` on the public surface": str(sum(map(self._anys, self._public()))),
            "lines of `a3c train --help`": self._help_lines(),
        }

    def _nodes(self) -> Iterator[tuple[str, ast.AST]]:
        for name, tree in self._trees.items():
            for node in ast.walk(tree):
                yield name, node

    def _naming(self) -> Iterator[bool]:
        """Outside of algorithms, recipes and the agents' classes: comparisons, matches, types and lists of words."""
        for name, node in self._nodes():
            if not name.startswith(MAY_NAME_ONE):
                words = _words(node) & NAMES
                yield bool(words - {ALSO_A_NETWORK}) or (ALSO_A_NETWORK in words and "algorithm" in ast.unparse(node))

    def _functions(self) -> Iterator[tuple[int, str]]:
        for name, node in self._nodes():
            if isinstance(node, FUNCTIONS):
                yield (node.end_lineno or node.lineno) - node.lineno + 1, f"{name}: {node.name}"

    def _classes(self) -> Iterator[tuple[str, ast.ClassDef]]:
        for name, node in self._nodes():
            if isinstance(node, ast.ClassDef):
                yield name, node

    def _attributes(self) -> Iterator[tuple[int, str]]:
        """What the methods of a class assign to `self`."""
        for name, node in self._classes():
            stored = {
                inner.attr
                for inner in ast.walk(node)
                if isinstance(inner, ast.Attribute)
                and isinstance(inner.ctx, ast.Store)
                and isinstance(inner.value, ast.Name)
                and inner.value.id == "self"
            }
            yield len(stored), f"{name}: {node.name}"

    def _fields(self) -> Iterator[tuple[int, str]]:
        for name, node in self._classes():
            if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
                yield sum(isinstance(line, ast.AnnAssign) for line in node.body), f"{name}: {node.name}"

    def _layers(self) -> list[str]:
        settings = tomllib.loads((self._checkout / "pyproject.toml").read_text())
        contracts = settings["tool"]["importlinter"]["contracts"]
        return next(contract["layers"] for contract in contracts if contract["type"] == "layers")

    def _arrows(self) -> set[tuple[str, str]]:
        """From which room to which: a room is a folder or a file directly in the package."""
        arrows = set()
        for name, node in self._nodes():
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            rooms = {module.split(".")[1] for module in modules if module.startswith("a3c.")}
            arrows |= {(_room(name), room) for room in rooms - {_room(name)}}
        return arrows

    def _public(self) -> set[str]:
        """What `a3c/__init__.py` exports, as `module:NAME`, and the classes of this package that these are made of."""
        found = {f"{module}:{name}" for name, module in _imported(self._trees["__init__.py"]).items()}
        waiting = list(found)
        while waiting:
            module, _, name = waiting.pop().partition(":")
            definition = self._definition(f"{module}:{name}")
            bases = definition.bases if isinstance(definition, ast.ClassDef) else []
            imported = _imported(self._tree(module))
            new = {f"{imported.get(base.id, module)}:{base.id}" for base in bases if isinstance(base, ast.Name)} - found
            found |= new
            waiting += new
        return found

    def _tree(self, module: str) -> ast.Module:
        path = module.removeprefix("a3c").removeprefix(".").replace(".", "/")
        candidates = (f"{path}.py", f"{path}/__init__.py".removeprefix("/"))
        return next(self._trees[name] for name in candidates if name in self._trees)

    def _definition(self, place: str) -> Definition | None:
        """None for what is no function or class of the module, such as a base of Python's own."""
        module, _, name = place.partition(":")
        defined = [node for node in self._tree(module).body if isinstance(node, Definition)]
        return next((node for node in defined if node.name == name), None)

    def _anys(self, place: str) -> int:
        """How often the annotations say Any, of a function, or of a class's public methods and fields."""
        definition = self._definition(place)
        body = definition.body if isinstance(definition, ast.ClassDef) else [definition]
        return sum(len(re.findall(r"\bAny\b", ast.unparse(annotation))) for annotation in _annotations(body))

    def _help_lines(self) -> str:
        python = self._checkout / ".venv" / "bin" / "python"
        if not python.exists():
            return ""
        command = [python, "-m", "a3c", "train", "--help"]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        return str(len(said.stdout.splitlines())) if said.returncode == 0 else "failed"


def _words(node: ast.AST) -> set[str]:
    """The words that a comparison, a match, a type or a list of words holds; none for other nodes."""
    if isinstance(node, ast.Compare | ast.MatchValue):
        return {
            inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
        }
    listed: list[ast.expr | None] = []
    if isinstance(node, ast.Subscript) and "Literal" in ast.unparse(node.value):
        # Several words are a tuple, which is a node of its own.
        listed = [node.slice]
    elif isinstance(node, ast.Dict):
        listed = [*node.keys, *node.values]
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        listed = [*node.elts]
    return {one.value for one in listed if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def _imported(tree: ast.Module) -> dict[str, str]:
    """The module of this package that each name is imported from."""
    return {
        alias.asname or alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("a3c")
        for alias in node.names
    }


def _annotations(body: list) -> Iterator[ast.expr]:
    for node in body:
        if isinstance(node, ast.AnnAssign) and not ast.unparse(node.target).startswith("_"):
            yield node.annotation
        if isinstance(node, FUNCTIONS) and (not node.name.startswith("_") or node.name == "__init__"):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            yield from (one.annotation for one in every if one and one.annotation)
            if node.returns:
                yield node.returns


def _room(name: str) -> str:
    return name.partition("/")[0].removesuffix(".py")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("checkouts", type=Path, nargs="*", metavar="CHECKOUT", help="folders, two at most (this one)")
    checkouts = parser.parse_args().checkouts or [ROOT]
    if len(checkouts) > 2:
        parser.error(f"{len(checkouts)} are given, but two at most stand beside each other")
    for checkout in checkouts:
        if not (checkout / "src" / "a3c" / "__init__.py").is_file():
            parser.error(f"{checkout} is no checkout of a3c: there is no src/a3c in it")
    found = [House(checkout).rows() for checkout in checkouts]
    headings = ["", "before", "after"] if len(found) == 2 else ["", "now"]
    print(report.markdown(headings, [[name, *(rows[name] for rows in found)] for name in found[0]]))


if __name__ == "__main__":
    main()

"""Makes the mutants of a module: its source with one small error each.

Prose is left alone: other tests compare whole messages, and a misspelt word is no error of logic.
Docstrings, annotations and imports are left alone too.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, Type

from tests.tree import PACKAGE, ROOT

COMPARED: Dict[Type[ast.cmpop], Type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
CALCULATED: Dict[Type[ast.operator], Type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
METHODS = {
    "startswith": "endswith",
    "endswith": "startswith",
    "partition": "rpartition",
    "rpartition": "partition",
    "lstrip": "rstrip",
    "rstrip": "lstrip",
    "upper": "lower",
    "lower": "upper",
}
#: Members of State, and the classes that nagiosplugin has for them.
STATES = {
    "OK": "UNKNOWN",
    "WARNING": "CRITICAL",
    "CRITICAL": "WARNING",
    "UNKNOWN": "CRITICAL",
    "Ok": "Unknown",
    "Warn": "Critical",
    "Critical": "Warn",
    "Unknown": "Critical",
}
NOT_MUTATED = ("annotation", "returns", "ctx", "type_comment")
PROSE = re.compile(r"[A-Za-z]{2,}[,:]? |\s[A-Za-z]{2,}")


class Mutant(NamedTuple):
    """A module with one error: where it is, what it replaces, and the whole *source*."""

    module: str
    line: int
    where: str
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """What tells it from all others, and stays when lines are added elsewhere."""
        return f"{self.module}.{self.where}: {self.before} -> {self.after}"

    @property
    def imported(self) -> bool:
        """Tell whether it is in what the import of the module runs, and not in a function."""
        return self.where.partition("#")[0] == "module"


class Site(NamedTuple):
    """A node that may be replaced: where in its parent, and in which function it stands."""

    node: ast.AST
    parent: ast.AST
    field: str
    place: Optional[int]
    where: str


def mutants(module: str) -> List[Mutant]:
    """Return every mutant of *module* of the package."""
    tree = ast.parse((ROOT / PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    seen = {ast.unparse(tree)}
    names: Counter[str] = Counter()
    found = []
    for site in list(_sites(tree, "module")):
        for new in _errors(site):
            source = _replaced(tree, site, new)
            if source in seen:
                continue
            seen.add(source)
            line = getattr(site.node, "lineno", getattr(site.parent, "lineno", 0))
            mutant = Mutant(module, line, site.where, _text(site.node), _text(new), source)
            names[mutant.name] += 1
            if names[mutant.name] > 1:  # the same once more in one function
                mutant = mutant._replace(where=f"{site.where}#{names[mutant.name]}")
            found.append(mutant)
    return found


def _sites(node: ast.AST, where: str) -> Iterator[Site]:
    """Yield what is below *node* and may be replaced."""
    for field, value in ast.iter_fields(node):
        if field in NOT_MUTATED:
            continue
        listed = isinstance(value, list)
        for index, child in enumerate(value if listed else [value]):
            if not isinstance(child, ast.AST) or isinstance(child, (ast.Import, ast.ImportFrom)):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue  # a docstring
            if field == "test" and "TYPE_CHECKING" in ast.unparse(child):
                continue  # of no account at run time
            inner = where
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                inner = child.name if where == "module" else f"{where}.{child.name}"
            yield Site(child, node, field, index if listed else None, inner)
            yield from _sites(child, inner)


def _replaced(tree: ast.Module, site: Site, new: ast.AST) -> str:
    """Return the source of *tree* with *new* in place of the site's node."""
    old = getattr(site.parent, site.field)
    if site.place is None:
        setattr(site.parent, site.field, new)
    else:
        setattr(site.parent, site.field, [*old[: site.place], new, *old[site.place + 1 :]])
    try:
        return ast.unparse(ast.fix_missing_locations(tree))
    finally:
        setattr(site.parent, site.field, old)


def _text(node: ast.AST) -> str:
    """Return *node* as source on one line; of a statement with a body only its head."""
    return ast.unparse(ast.fix_missing_locations(node)).split("\n", 1)[0]


def _errors(site: Site) -> Iterator[ast.AST]:
    """Yield what could stand by mistake where the site's node stands."""
    for make in ERRORS:
        yield from make(site)


def _with(node: ast.AST, **changed: object) -> ast.AST:
    """Return a copy of *node* with some fields *changed*."""
    fields = {**dict(ast.iter_fields(node)), **changed}
    return ast.copy_location(type(node)(**fields), node)


def _without(items: List[ast.expr]) -> Iterator[List[ast.expr]]:
    """Yield *items* without each of them."""
    for index in range(len(items)):
        yield items[:index] + items[index + 1 :]


def comparisons(site: Site) -> Iterator[ast.AST]:
    """Turn a comparison round, or let it include the limit or not."""
    node = site.node
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            changed: List[ast.cmpop] = list(node.ops)
            changed[index] = COMPARED[type(operator)]()
            yield _with(node, ops=changed)


def logic(site: Site) -> Iterator[ast.AST]:
    """Swap `and` with `or`, leave out an operand, a `not`, a sign or the `if` of a loop."""
    node = site.node
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for rest in _without(node.values):
            yield rest[0] if len(rest) == 1 else _with(node, values=rest)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield node.operand
    elif isinstance(node, ast.comprehension):
        for rest in _without(node.ifs):
            yield _with(node, ifs=rest)


def calculations(site: Site) -> Iterator[ast.AST]:
    """Swap the operator."""
    if isinstance(site.node, ast.BinOp) and type(site.node.op) in CALCULATED:
        yield _with(site.node, op=CALCULATED[type(site.node.op)]())


def constants(site: Site) -> Iterator[ast.AST]:
    """Change a truth value, a number by one, a text that is not prose."""
    if not isinstance(site.node, ast.Constant):
        return
    value = site.node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        if value > 1:
            yield ast.Constant(value - 1)
    elif isinstance(value, str) and not PROSE.search(value):
        yield ast.Constant("XX" + value)


def names(site: Site) -> Iterator[ast.AST]:
    """Call a sister function, take another state."""
    node, parent = site.node, site.parent
    if isinstance(node, ast.Name) and node.id in FUNCTIONS:
        if not (node.id == "sorted" and isinstance(parent, ast.Call) and parent.keywords):
            yield _with(node, id=FUNCTIONS[node.id])
    elif isinstance(node, ast.Attribute):
        if node.attr in METHODS:
            yield _with(node, attr=METHODS[node.attr])
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if owner in ("State", "nagiosplugin") and node.attr in STATES and site.field != "bases":
            yield _with(node, attr=STATES[node.attr])


def calls(site: Site) -> Iterator[ast.AST]:
    """Leave out a keyword, or a method that only trims or changes case."""
    node = site.node
    if not isinstance(node, ast.Call):
        return
    for index, keyword in enumerate(node.keywords):
        truth = isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, bool)
        if keyword.arg and not truth:
            yield _with(node, keywords=node.keywords[:index] + node.keywords[index + 1 :])
    if isinstance(node.func, ast.Attribute) and re.search("strip|upper|lower", node.func.attr):
        yield node.func.value


def collections(site: Site) -> Iterator[ast.AST]:
    """Leave out an element of a tuple that is compared with or is a table; a bound of a slice."""
    node, parent = site.node, site.parent
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        table = isinstance(parent, (ast.Assign, ast.AnnAssign)) and site.where == "module"
        if table or isinstance(parent, ast.Compare):
            for rest in _without(node.elts):
                yield _with(node, elts=rest)
    elif isinstance(node, ast.Slice):
        if node.lower is not None:
            yield _with(node, lower=None)
        if node.upper is not None:
            yield _with(node, upper=None)


def branches(site: Site) -> Iterator[ast.AST]:
    """Take always the one branch, always the other."""
    if site.field == "test" and isinstance(site.parent, (ast.If, ast.IfExp, ast.While)):
        yield ast.Constant(False)
        if not isinstance(site.parent, ast.While):
            yield ast.Constant(True)


def statements(site: Site) -> Iterator[ast.AST]:
    """Leave out a statement; return nothing."""
    node = site.node
    if isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Expr):
        if isinstance(node.value, (ast.Call, ast.Yield)):
            yield ast.Pass()
    elif isinstance(node, ast.Assign):
        if not any(isinstance(target, ast.Name) for target in node.targets):
            yield ast.Pass()
    elif isinstance(node, (ast.AugAssign, ast.Raise, ast.Continue, ast.Break)):
        yield ast.Pass()


#: What people get wrong, one group each.
ERRORS: Tuple[Callable[[Site], Iterator[ast.AST]], ...] = (
    comparisons,
    logic,
    calculations,
    constants,
    names,
    calls,
    collections,
    branches,
    statements,
)

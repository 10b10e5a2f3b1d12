"""Count cycles of imports, and find the longest chain of them."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp

from lab.counts.counts import Count

Imports = dict[str, set[str]]


def imports_of(packages: tuple[str, ...]) -> Imports:
    """Return, for each module, the modules that it imports, those for types included."""
    graph = grimp.build_graph(*packages, exclude_type_checking_imports=False, cache_dir=None)
    return {
        module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules
    }


def import_counts(packages: tuple[str, ...]) -> list[Count]:
    """Return the longest chain and the cycles of the packages' imports."""
    imports = imports_of(packages)
    cycles, order = opened_cycles(imports)
    chain = longest_chain(imports, order)
    return [
        Count("import chain", f"{len(chain)} modules", cases=tuple(chain)),
        Count("import cycles", str(len(cycles)), goal="0", cases=tuple(map(" > ".join, cycles))),
    ]


def opened_cycles(imports: Imports) -> tuple[list[list[str]], list[str]]:
    """Remove an import of each cycle; return the cycles, and the modules, imported ones first."""
    cycles: list[list[str]] = []
    while True:
        try:
            return cycles, list(TopologicalSorter(imports).static_order())
        except CycleError as error:
            cycle: list[str] = error.args[1]  # each is imported by the next; the last is the first
            imports[cycle[1]].discard(cycle[0])
            cycles.append(cycle[::-1])


def longest_chain(imports: Imports, order: list[str]) -> list[str]:
    """Return modules of which each imports the next, as many as there can be."""
    chains: dict[str, list[str]] = {}
    for module in order:
        below = max((chains[one] for one in sorted(imports[module])), key=len, default=[])
        chains[module] = [module, *below]
    return max(chains.values(), key=len, default=[])

"""Ends of chains in a graph that may hold cycles. Pure; knows numbers only.

A node's roots are the ends of every way that leads from it to its parents. A way that comes back to a node on itself
ends at the last node reached. Iterative and memoised: millions of nodes, chains of any length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

Node = int

# Every member of a cycle has its own end, which costs one walk each. Longer cycles (nobody makes them by accident)
# get the ends of their first member for all.
_LONGEST_EXACT_CYCLE = 1000
_SHORT = 64  # links followed before a cycle is suspected


class Roots:
    """Roots by node, worked out when asked for. `parents` must always give the same answer for the same node.

    `rank` orders the nodes where it matters which comes first, whatever their numbers.
    """

    def __init__(
        self, parents: Callable[[Node], tuple[Node, ...]], rank: Callable[[Node], tuple[str, int]] | None = None
    ) -> None:
        self._parents = parents
        self._rank = rank or (lambda node: ("", node))
        self._done: dict[Node, tuple[Node, ...]] = {}

    def of(self, node: Node) -> tuple[Node, ...]:
        """The distinct roots of a node: itself when it has no parents."""
        if not self._parents(node):
            return (node,)
        if node not in self._done and not self._straight(node):
            self._walk(node)
        return self._done[node]

    def _straight(self, node: Node) -> bool:
        """The short way, which almost every model takes: one parent after another, up to a root or a node done."""
        path = []
        while node not in self._done:
            parents = self._parents(node)
            if not parents:
                break
            path.append(node)
            if len(parents) > 1 or len(path) > _SHORT:
                return False
            node = parents[0]
        self._done.update(dict.fromkeys(path, self._done.setdefault(node, (node,))))
        return True

    def _walk(self, start: Node) -> None:
        """Tarjan's strongly connected components: parents come out before their children, cycles come out whole."""
        number = {start: 0}
        lowest = {start: 0}
        members = [start]
        ways: list[tuple[Node, Iterator[Node]]] = [(start, iter(self._parents(start)))]
        while ways:
            node, rest = ways[-1]
            for parent in rest:
                if parent in self._done:
                    continue
                if parent in number:
                    lowest[node] = min(lowest[node], number[parent])
                    continue
                number[parent] = lowest[parent] = len(number)
                members.append(parent)
                ways.append((parent, iter(self._parents(parent))))
                break
            else:
                ways.pop()
                if ways:
                    child = ways[-1][0]
                    lowest[child] = min(lowest[child], lowest[node])
                if lowest[node] == number[node]:
                    component = [members.pop()]
                    while component[-1] != node:
                        component.append(members.pop())
                    self._finish(component)

    def _finish(self, component: list[Node]) -> None:
        """The roots of one node, or of all nodes of a cycle; everything behind them is done."""
        if len(component) == 1:
            found = dict.fromkeys(root for parent in self._parents(component[0]) for root in self._done[parent])
            self._done[component[0]] = tuple(found) or (component[0],)
        elif len(component) <= _LONGEST_EXACT_CYCLE:
            self._done.update({node: self._cycle_ends(node, set(component)) for node in component})
        else:
            self._done.update(
                dict.fromkeys(component, self._cycle_ends(min(component, key=self._rank), set(component)))
            )

    def _cycle_ends(self, start: Node, cycle: set[Node]) -> tuple[Node, ...]:
        """Where the ways from one member of a cycle end: outside it, or at the last member before the way closes."""
        ends: dict[Node, None] = {}
        seen = {start}
        path = {start: False}  # the way walked; True: it goes on from there
        ways = [(start, iter(self._parents(start)))]
        while ways:
            node, rest = ways[-1]
            for parent in rest:
                if parent not in cycle:
                    ends.update(dict.fromkeys(self._done[parent]))
                path[node] = path[node] or parent not in path
                if parent in cycle and parent not in seen:
                    seen.add(parent)
                    path[parent] = False
                    ways.append((parent, iter(self._parents(parent))))
                    break
            else:
                if not path.pop(node):
                    ends[node] = None
                ways.pop()
        return tuple(ends)

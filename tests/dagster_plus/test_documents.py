"""Our GraphQL asks only for what is there.

What open-source Dagster has is checked against its real schema. What only Dagster+ has must be a
subset of what the official clients ask for: the same fields at the same place, with the same
arguments and type conditions. Their documents are read from the installed packages.
"""

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    parse,
    print_ast,
    print_schema,
    validate,
)

from deploy_core.dagster_plus import documents
from deploy_core.dagster_plus.documents import ALL_OPERATIONS, Operation

OFFICIAL = ("dagster_cloud_cli", "dagster_cloud", "dagster_rest_resources", "dagster_dg_cli")
Place = tuple[str, ...]


@cache
def real_schema() -> GraphQLSchema:
    from dagster_graphql.schema import create_schema  # noqa: PLC0415  seconds, where it's needed

    return build_schema(print_schema(create_schema().graphql_schema))


def _strings(package: str) -> Iterator[str]:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    for file in Path(spec.submodule_search_locations[0]).rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        if "query " not in source and "mutation " not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if "{" in text and ("query " in text or "mutation " in text):
                    yield text


def _places(document: DocumentNode) -> set[Place]:
    """Every field, argument and type condition of a document by the way that leads to it."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    found: set[Place] = set()

    def walk(selections: SelectionSetNode | None, at: Place) -> None:
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                here = (*at, node.name.value)
                found.add(here)
                found.update((*here, f"({argument.name.value}:)") for argument in node.arguments)
                walk(node.selection_set, here)
                continue
            if isinstance(node, FragmentSpreadNode):
                fragment = fragments.get(node.name.value)
                if fragment is None:
                    continue
                condition, inner = fragment.type_condition.name.value, fragment.selection_set
            else:
                assert isinstance(node, InlineFragmentNode)
                condition, inner = node.type_condition.name.value, node.selection_set
            here = (*at, f"... on {condition}")
            found.add(here)
            walk(inner, here)

    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            walk(node.selection_set, (node.operation.value,))
            for variable in node.variable_definitions:
                kind = print_ast(variable.type)
                found.add((node.operation.value, f"${variable.variable.name.value}: {kind}"))
    return found


@cache
def official_places() -> frozenset[Place]:
    places: set[Place] = set()
    for package in OFFICIAL:
        for text in _strings(package):
            try:
                places |= _places(parse(text))
            except GraphQLError:
                continue  # a help text or a template, not a document
    return frozenset(places)


def _known_error_field(place: Place) -> bool:
    """`stack` of a PythonError may be asked for wherever a PythonError may be: it's one type."""
    if len(place) < 2 or not place[-2].startswith("... on "):
        return False
    kind = real_schema().type_map.get(place[-2].removeprefix("... on "))
    return isinstance(kind, GraphQLObjectType) and place[-1] in kind.fields


def problems(text: str) -> list[str]:
    """What is wrong with a document of ours; empty if nothing is."""
    document = parse(text)
    places = _places(document)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    is_query = operation.operation.value == "query"
    root = real_schema().query_type if is_query else real_schema().mutation_type
    roots = {p[1] for p in places if len(p) == 2 and not p[1].startswith("$")}
    if root is not None and all(name in root.fields for name in roots):
        return [error.message for error in validate(real_schema(), document)]
    return [
        " > ".join(place)
        for place in sorted(places)
        if place not in official_places() and not _known_error_field(place)
    ]


@pytest.mark.parametrize("operation", ALL_OPERATIONS, ids=lambda operation: operation.name)
def test_our_documents_ask_for_what_is_there(operation: Operation) -> None:
    assert problems(operation.text) == []


@pytest.mark.parametrize("operation", ALL_OPERATIONS, ids=lambda operation: operation.name)
def test_our_documents_are_named_alike(operation: Operation) -> None:
    (definition,) = parse(operation.text).definitions
    assert isinstance(definition, OperationDefinitionNode)
    assert definition.name is not None
    assert definition.name.value == operation.name
    sent_once = definition.operation.value == "mutation" and not operation.changes_nothing
    assert operation.is_mutation == sent_once


def test_names_differ_and_all_are_listed() -> None:
    listed = {id(operation) for operation in ALL_OPERATIONS}
    assert {id(v) for v in vars(documents).values() if isinstance(v, Operation)} == listed
    assert len({operation.name for operation in ALL_OPERATIONS}) == len(ALL_OPERATIONS)


@pytest.mark.parametrize(
    "text",
    [
        "query A { workspaceOrError { ... on Workspace { locationEntries { madeUp } } } }",
        "query A { agents { id madeUp } }",
        "query A { madeUp { id } }",
        "query A { agents(madeUp: 1) { id } }",
        "query A($n: String!) { workspaceLocationEntryOrError(names: $n) { __typename } }",
        "mutation A($document: GenericScalar!) { madeUp(document: $document) { __typename } }",
        "mutation A($id: String!) { launchRunReexecution(runId: $id) { __typename } }",
        "mutation A($document: String!) { deployLocations(document: $document) { __typename } }",
        'mutation A { deleteLocation(locationName: "a") { ... on WorkspaceEntry { id } } }',
        'mutation A { deleteLocation(locationName: "a") { ... on PythonError { madeUp } } }',
    ],
)
def test_what_is_made_up_is_found(text: str) -> None:
    assert problems(text)


def test_the_official_documents_were_found() -> None:
    assert len(official_places()) > 500
    assert ("query", "locationsAsDocument", "document") in official_places()

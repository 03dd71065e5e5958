"""Our schema against what the official packages send, and against open-source Dagster's own."""

from importlib import resources

import pytest
from dagster_cloud.agent import queries as agent_queries
from dagster_cloud.secrets.loader import SECRETS_QUERY
from dagster_cloud.storage.defs_state.queries import GET_LATEST_DEFS_STATE_INFO_QUERY
from dagster_cloud.storage.runs.queries import GET_RUNS_QUERY
from dagster_cloud_cli import gql
from dagster_graphql.schema import create_schema
from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    validate,
)

from sandbox.dagster_plus.graphql_api import load_schema

CLI_DOCUMENTS = [
    "ADD_OR_UPDATE_LOCATION_FROM_DOCUMENT_MUTATION",
    "AGENT_STATUS_QUERY",
    "AGENT_TYPE_QUERY",
    "DELETE_LOCATION_MUTATION",
    "DEPLOYMENT_NAME_QUERY",
    "DEPLOY_LOCATIONS_FROM_DOCUMENT_MUTATION",
    "FULL_DEPLOYMENTS_QUERY",
    "GET_LOCATIONS_AS_DOCUMENT_QUERY",
    "MARK_CLI_EVENT_MUTATION",
    "ORGANIZATION_SETTINGS_QUERY",
    "RECONCILE_LOCATIONS_FROM_DOCUMENT_MUTATION",
    "REPOSITORY_LOCATIONS_QUERY",
    "WORKSPACE_ENTRIES_QUERY",
]
AGENT_DOCUMENTS = {
    "ADD_AGENT_HEARTBEATS_MUTATION": agent_queries.ADD_AGENT_HEARTBEATS_MUTATION,
    "DEPLOYMENTS_QUERY": agent_queries.DEPLOYMENTS_QUERY,
    "GET_AGENTS_QUERY": agent_queries.GET_AGENTS_QUERY,
    "GET_LATEST_DEFS_STATE_INFO_QUERY": GET_LATEST_DEFS_STATE_INFO_QUERY,
    "GET_RUNS_QUERY": GET_RUNS_QUERY,
    "GET_USER_CLOUD_REQUESTS_QUERY": agent_queries.GET_USER_CLOUD_REQUESTS_QUERY,
    "SECRETS_QUERY": SECRETS_QUERY,
    "WORKSPACE_ENTRIES_QUERY": agent_queries.WORKSPACE_ENTRIES_QUERY,
}
DG_FILES = ["agent", "code_location"]
DG_DEPLOYMENT_QUERIES = ["ListDeployments", "GetDeployment"]
OPEN_SOURCE_TYPES = [
    "AssetKey",
    "AssetNode",
    "ConflictingExecutionParamsError",
    "DagsterLibraryVersion",
    "ErrorChainLink",
    "InstigationState",
    "InstigationTick",
    "InvalidOutputError",
    "InvalidStepError",
    "InvalidSubsetError",
    "Job",
    "LaunchRunSuccess",
    "NoModeProvidedError",
    "PipelineNotFoundError",
    "PresetNotFoundError",
    "PythonError",
    "InvalidPipelineRunsFilterError",
    "EventConnection",
    "ExecutionStepFailureEvent",
    "ExecutionStepStartEvent",
    "Pipeline",
    "PipelineNotFoundError",
    "PipelineTag",
    "TeamAssetOwner",
    "TeamDefinitionOwner",
    "UserAssetOwner",
    "UserDefinitionOwner",
    "Repository",
    "RepositoryConnection",
    "RepositoryNotFoundError",
    "RepositoryOrigin",
    "Run",
    "RunConfigValidationInvalid",
    "RunConflict",
    "RunFailureEvent",
    "RunNotFoundError",
    "RunStartEvent",
    "RunSuccessEvent",
    "Runs",
    "RepositoryLocation",
    "RepositoryMetadata",
    "Schedule",
    "Sensor",
    "UnauthorizedError",
    "Workspace",
    "WorkspaceLocationEntry",
    "WorkspaceLocationStatusEntries",
    "WorkspaceLocationStatusEntry",
]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return load_schema()


@pytest.fixture(scope="module")
def open_source_schema() -> GraphQLSchema:
    theirs: GraphQLSchema = create_schema().graphql_schema
    return theirs


@pytest.mark.parametrize("name", CLI_DOCUMENTS)
def test_what_the_cli_sends_is_valid(schema: GraphQLSchema, name: str) -> None:
    assert validate(schema, parse(getattr(gql, name))) == []


@pytest.mark.parametrize("name", AGENT_DOCUMENTS)
def test_what_the_agent_sends_is_valid(schema: GraphQLSchema, name: str) -> None:
    assert validate(schema, parse(AGENT_DOCUMENTS[name])) == []


def dg_document(name: str) -> DocumentNode:
    """A file of queries in the package that the `dg` command talks to Dagster+ with."""
    file = resources.files("dagster_rest_resources").joinpath("queries", f"{name}.graphql")
    return parse(file.read_text("utf-8"))


@pytest.mark.parametrize("name", DG_FILES)
def test_what_dg_sends_is_valid(schema: GraphQLSchema, name: str) -> None:
    assert validate(schema, dg_document(name)) == []


@pytest.mark.parametrize("name", DG_DEPLOYMENT_QUERIES)
def test_what_dg_asks_about_deployments_is_valid(schema: GraphQLSchema, name: str) -> None:
    (query,) = [
        definition
        for definition in dg_document("deployment").definitions
        if isinstance(definition, OperationDefinitionNode)
        and definition.name
        and definition.name.value == name
    ]
    assert validate(schema, DocumentNode(definitions=(query,))) == []


@pytest.mark.parametrize("name", OPEN_SOURCE_TYPES)
def test_shared_types_have_the_fields_of_open_source_dagster(
    schema: GraphQLSchema, open_source_schema: GraphQLSchema, name: str
) -> None:
    ours, theirs = schema.type_map[name], open_source_schema.type_map[name]
    assert isinstance(ours, GraphQLObjectType)
    assert isinstance(theirs, GraphQLObjectType)
    their_fields = {field: str(found.type) for field, found in theirs.fields.items()}
    for field, found in ours.fields.items():
        assert (field, str(found.type)) == (field, their_fields.get(field))


def test_the_filter_of_runs_is_that_of_open_source_dagster(
    schema: GraphQLSchema, open_source_schema: GraphQLSchema
) -> None:
    for name in ("RunsFilter", "ExecutionTag"):
        ours, theirs = schema.type_map[name], open_source_schema.type_map[name]
        assert isinstance(ours, GraphQLInputObjectType)
        assert isinstance(theirs, GraphQLInputObjectType)
        expected = {field: str(found.type) for field, found in theirs.fields.items()}
        assert {field: str(found.type) for field, found in ours.fields.items()} == expected
    ours, theirs = schema.type_map["RunStatus"], open_source_schema.type_map["RunStatus"]
    assert isinstance(ours, GraphQLEnumType)
    assert isinstance(theirs, GraphQLEnumType)
    assert list(ours.values) == list(theirs.values)


@pytest.mark.parametrize(
    "field",
    [
        "workspaceOrError",
        "workspaceLocationEntryOrError",
        "repositoriesOrError",
        "locationStatusesOrError",
        "runsOrError",
        "logsForRun",
        "runOrError",
        "pipelineOrError",
        "assetNodes",
        "version",
    ],
)
def test_shared_queries_have_the_types_of_open_source_dagster(
    schema: GraphQLSchema, open_source_schema: GraphQLSchema, field: str
) -> None:
    assert schema.query_type is not None
    assert open_source_schema.query_type is not None
    ours, theirs = schema.query_type.fields[field], open_source_schema.query_type.fields[field]
    assert str(ours.type) == str(theirs.type)
    assert {name: str(argument.type) for name, argument in ours.args.items()} == {
        name: str(argument.type) for name, argument in theirs.args.items()
    }

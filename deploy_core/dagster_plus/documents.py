"""Every GraphQL document that we send; there is no GraphQL anywhere else.

Each selects only what is read from its answer. A test holds them against the schema of
`dagster-graphql` and, for what only Dagster+ has, against the documents of the official clients.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """A named GraphQL document; a mutation is never sent a second time after it may have worked.

    `changes_nothing`: GraphQL calls it a mutation, but it may be repeated like a query.
    """

    name: str
    text: str
    changes_nothing: bool = False

    @property
    def is_mutation(self) -> bool:
        return self.text.startswith("mutation ") and not self.changes_nothing


LOCATION_STATES = Operation(
    "ChatopsLocationStates",
    """query ChatopsLocationStates {
  workspaceOrError {
    __typename
    ... on Workspace {
      locationEntries {
        name
        loadStatus
        updatedTimestamp
        versionKey
        displayMetadata { key value }
        locationOrLoadError { __typename }
      }
    }
    ... on PythonError { message stack }
  }
}""",
)

LOCATION_ERROR = Operation(
    "ChatopsLocationError",
    """query ChatopsLocationError($name: String!) {
  workspaceLocationEntryOrError(name: $name) {
    __typename
    ... on WorkspaceLocationEntry {
      locationOrLoadError {
        __typename
        ... on PythonError {
          message
          stack
          errorChain { isExplicitLink error { message stack } }
        }
      }
    }
    ... on PythonError { message stack }
  }
}""",
)

LOCATION_CONTENTS = Operation(
    "ChatopsLocationContents",
    """query ChatopsLocationContents($name: String!) {
  workspaceLocationEntryOrError(name: $name) {
    __typename
    ... on WorkspaceLocationEntry {
      locationOrLoadError {
        __typename
        ... on RepositoryLocation {
          repositories {
            name
            assetNodes { id }
            jobs { name }
            schedules {
              name
              cronSchedule
              executionTimezone
              scheduleState { status }
            }
            sensors { name sensorState { status } }
          }
        }
        ... on PythonError { message stack }
      }
    }
    ... on PythonError { message stack }
  }
}""",
)

SCHEDULES = Operation(
    "ChatopsSchedules",
    """query ChatopsSchedules($ticks: Int) {
  repositoriesOrError {
    __typename
    ... on RepositoryConnection {
      nodes {
        location { name }
        schedules {
          name
          cronSchedule
          executionTimezone
          scheduleState {
            status
            ticks(limit: $ticks) {
              timestamp
              status
              error { message errorChain { error { message } } }
            }
          }
        }
        sensors {
          name
          sensorState {
            status
            ticks(limit: $ticks) {
              timestamp
              status
              error { message errorChain { error { message } } }
            }
          }
        }
      }
    }
    ... on RepositoryNotFoundError { message }
    ... on PythonError { message stack }
  }
}""",
)

LOCATION_DOCUMENTS = Operation(
    "ChatopsLocationDocuments",
    """query ChatopsLocationDocuments {
  locationsAsDocument { document }
}""",
)

WORKSPACE_ENTRIES = Operation(
    "ChatopsWorkspaceEntries",
    """query ChatopsWorkspaceEntries {
  workspace {
    workspaceEntries { locationName serializedDeploymentMetadata }
  }
}""",
)

AGENTS = Operation(
    "ChatopsAgents",
    """query ChatopsAgents {
  agents {
    id
    agentLabel
    status
    lastHeartbeatTime
    metadata { key value }
    errors { error { message } }
  }
}""",
)

RUNS = Operation(
    "ChatopsRuns",
    """query ChatopsRuns($filter: RunsFilter, $cursor: String, $limit: Int) {
  runsOrError(filter: $filter, cursor: $cursor, limit: $limit) {
    __typename
    ... on Runs {
      results {
        runId
        status
        jobName
        creationTime
        startTime
        endTime
        updateTime
        rootRunId
        parentRunId
        tags { key value }
        repositoryOrigin { repositoryLocationName }
      }
    }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message stack }
  }
}""",
)

RUN_EVENTS = Operation(
    "ChatopsRunEvents",
    """query ChatopsRunEvents($runId: ID!, $cursor: String, $limit: Int) {
  logsForRun(runId: $runId, afterCursor: $cursor, limit: $limit) {
    __typename
    ... on EventConnection {
      events {
        __typename
        ... on ExecutionStepFailureEvent {
          stepKey
          message
          error { message stack errorChain { isExplicitLink error { message stack } } }
        }
        ... on RunFailureEvent {
          message
          error { message stack errorChain { isExplicitLink error { message stack } } }
        }
      }
      cursor
      hasMore
    }
    ... on RunNotFoundError { message }
    ... on PythonError { message stack }
  }
}""",
)

REEXECUTE_RUN = Operation(
    "ChatopsReexecuteRun",
    """mutation ChatopsReexecuteRun($reexecutionParams: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $reexecutionParams) {
    __typename
    ... on LaunchRunSuccess { run { runId parentRunId } }
    ... on RunConfigValidationInvalid { errors { message reason } }
    ... on PipelineNotFoundError { message }
    ... on InvalidStepError { invalidStepKey }
    ... on InvalidOutputError { stepKey invalidOutputName }
    ... on InvalidSubsetError { message }
    ... on RunConflict { message }
    ... on PresetNotFoundError { message }
    ... on ConflictingExecutionParamsError { message }
    ... on NoModeProvidedError { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message stack }
  }
}""",
)

RUN_ASSETS = Operation(
    "ChatopsRunAssets",
    """query ChatopsRunAssets($runId: ID!, $limit: Int) {
  runOrError(runId: $runId) {
    __typename
    ... on Run {
      jobName
      repositoryOrigin { repositoryLocationName repositoryName }
      assetSelection(limit: $limit) { path }
    }
    ... on RunNotFoundError { message }
    ... on PythonError { message stack }
  }
}""",
)

OWNERS = Operation(
    "ChatopsOwners",
    """query ChatopsOwners($job: PipelineSelector!, $keys: [AssetKeyInput!], $assets: Boolean!) {
  pipelineOrError(params: $job) {
    __typename
    ... on Pipeline {
      owners {
        __typename
        ... on UserDefinitionOwner { email }
        ... on TeamDefinitionOwner { team }
      }
    }
  }
  assetNodes(assetKeys: $keys) @include(if: $assets) {
    owners {
      __typename
      ... on UserAssetOwner { email }
      ... on TeamAssetOwner { team }
    }
  }
}""",
)

DEPLOYMENTS = Operation(
    "ChatopsDeployments",
    """query ChatopsDeployments {
  fullDeployments { deploymentName deploymentId isBranchDeployment agentType }
}""",
)

AGENT_TYPE = Operation(
    "ChatopsAgentType",
    """query ChatopsAgentType {
  currentDeployment { agentType }
}""",
)

SERVERLESS_REGISTRY = Operation(
    "ChatopsServerlessRegistry",
    """query ChatopsServerlessRegistry {
  serverless { awsAuthToken registryAllowCustomBase registryIsHarbor registryUrl }
}""",
)

PEX_PUT_URLS = Operation(
    "ChatopsPexPutUrls",
    """mutation ChatopsPexPutUrls($filenames: [String!]!) {
  generateServerlessPexUrl(filenames: $filenames, method: PUT) { url }
}""",
    changes_nothing=True,
)

PEX_GET_URLS = Operation(
    "ChatopsPexGetUrls",
    """mutation ChatopsPexGetUrls($filenames: [String!]!) {
  generateServerlessPexUrl(filenames: $filenames, method: GET) { url }
}""",
    changes_nothing=True,
)

PUT_LOCATION = Operation(
    "ChatopsPutLocation",
    """mutation ChatopsPutLocation($document: GenericScalar!) {
  addOrUpdateLocationFromDocument(document: $document) {
    __typename
    ... on WorkspaceEntry { locationName }
    ... on InvalidLocationError { errors }
    ... on UnauthorizedError { message }
    ... on PythonError { message stack }
  }
}""",
)

DELETE_LOCATION = Operation(
    "ChatopsDeleteLocation",
    """mutation ChatopsDeleteLocation($locationName: String!) {
  deleteLocation(locationName: $locationName) {
    __typename
    ... on DeleteLocationSuccess { locationName }
    ... on UnauthorizedError { message }
    ... on PythonError { message stack }
  }
}""",
)

ALL_OPERATIONS = (
    LOCATION_STATES,
    LOCATION_ERROR,
    LOCATION_CONTENTS,
    SCHEDULES,
    LOCATION_DOCUMENTS,
    WORKSPACE_ENTRIES,
    AGENTS,
    RUNS,
    RUN_EVENTS,
    REEXECUTE_RUN,
    RUN_ASSETS,
    OWNERS,
    DEPLOYMENTS,
    AGENT_TYPE,
    SERVERLESS_REGISTRY,
    PEX_PUT_URLS,
    PEX_GET_URLS,
    PUT_LOCATION,
    DELETE_LOCATION,
)

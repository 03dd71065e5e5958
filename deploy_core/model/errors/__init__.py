"""Everything that can go wrong, as one tree.

Each class has a fixed `reason` code; each raise carries one sentence for the person and the next
step. Exceptions of libraries are mapped to these at the edge where the library is called.

DeployError
├── UsageError                usage              the text can't be read
│   ├── PayloadInvalid        payload_invalid    Slack sent what isn't as it documents it
│   ├── UnknownLocation       unknown_location
│   ├── LocationNameInvalid   location_name_invalid
│   ├── CodeSourceInvalid     code_source_invalid none, or more than one
│   ├── UnknownDeployment     unknown_deployment
│   ├── UnknownProject        unknown_project
│   ├── AlreadyInProject      already_in_project it would be adopted, and needn't
│   ├── UnknownDeploy         unknown_deploy     no such deploy in the history
│   ├── PackageNameInvalid    package_name_invalid
│   ├── ProjectOptionInvalid  project_option_invalid  an option of a new project
│   ├── AmbiguousLocation     ambiguous_location the name is in more than one project
│   └── MixedProjects         mixed_projects     one @REF over several projects
├── NotAllowed                not_allowed        the person may not change this deployment
├── ConfigInvalid             config_invalid     our own configuration file
├── SourceError
│   ├── UnknownRef            unknown_ref
│   ├── GitUnreachable        git_unreachable
│   ├── GitAuthFailed         git_auth_failed
│   ├── GitFailed             git_failed         any other failure of the git command
│   ├── FileNotFound          file_not_found     dagster_cloud.yaml isn't at that commit
│   ├── FileInvalid           file_invalid       dagster_cloud.yaml can't be used as it is
│   ├── UnsafePath            unsafe_path        a path that leaves the checkout
│   ├── FileNotEditable       file_not_editable  dagster_cloud.yaml can't be changed in place
│   ├── DefaultsDiffer        defaults_differ    `defaults` say what isn't so live
│   ├── FileExists            file_exists        a file that would be added is there
│   ├── BranchExists          branch_exists      something else was pushed to the branch
│   ├── BranchRefused         branch_refused     the repository has rules for branches
│   ├── TemplateInvalid       template_invalid   a template of a new project
│   ├── PushNotConfigured     push_not_configured
│   ├── CreateNotConfigured   create_not_configured
│   └── RepositoryNotEmpty    repository_not_empty
├── HostError                 … GitHub or GitLab, asked about pull requests
│   ├── HostUnreachable       host_unreachable
│   ├── HostRateLimited       host_rate_limited
│   ├── HostTokenRefused      host_token_refused 401, or there is no token
│   ├── HostNotAllowed        host_not_allowed   403: the token lacks a right
│   ├── HostRepositoryMissing host_repository_missing
│   ├── HostRefused           host_refused       no pull request is made of it
│   └── HostProtocol          host_protocol      an answer that we do not understand
├── ArtifactError
│   ├── ImageMissing          image_missing      neither --image nor a tag template gives one
│   ├── BuildNeeded           build_needed       the location can only be deployed by a build
│   ├── ImageNameInvalid      image_name_invalid
│   ├── ImageNotFound         image_not_found    the registry has no such image
│   ├── DockerfileMissing     dockerfile_missing
│   ├── ContextTooLarge       context_too_large  the folder that would be sent to the engine
│   ├── BuildSecretMissing    build_secret_missing
│   ├── BuildKitNeeded        buildkit_needed    an option that only BuildKit has
│   ├── BuildFailed           build_failed       a step of the Dockerfile failed
│   ├── BuildTimedOut         build_timed_out
│   ├── PushFailed            push_failed        any other failure of a push
│   ├── DigestMissing         digest_missing     pushed, but the registry doesn't have it
│   ├── DigestMismatch        digest_mismatch    pushed, but the registry has something else
│   ├── EngineGone            engine_gone        no Docker engine answers
│   ├── DiskFull              disk_full          the engine's or the registry's disk
│   ├── RegistryUnreachable   registry_unreachable
│   ├── RegistryUnauthorised  registry_unauthorised
│   ├── RepositoryMissing     repository_missing the registry has no such repository
│   ├── RegistryQuota         registry_quota     too much stored, or too many requests
│   ├── RegistryProtocol      registry_protocol  an answer that we do not understand
│   ├── CredentialHelperFailed credential_helper_failed
│   └── ServerlessError
│       ├── ServerlessNeeded          serverless_needed        a PEX for a Hybrid deployment
│       ├── PexBuilderMissing         pex_builder_missing      the extra isn't installed
│       ├── NotPythonProject          not_python_project
│       ├── PythonVersionUnknown      python_version_unknown
│       ├── RequirementsUnreadable    requirements_unreadable
│       ├── DependencyUnresolved      dependency_unresolved
│       ├── DagsterMissing            dagster_missing
│       ├── ProjectNotInstallable     project_not_installable
│       ├── PexBuildFailed            pex_build_failed         any other failure of a build
│       ├── UploadExpired             upload_expired
│       ├── UploadFailed              upload_failed
│       ├── BaseImageRefused          base_image_refused
│       ├── PexMissing                pex_missing              gone from Dagster+'s storage
│       └── ServerlessRegistryMissing serverless_registry_missing
├── DagsterPlusError
│   ├── Unreachable           dagster_unreachable     no connection; nothing was sent
│   ├── AnswerLost            dagster_answer_lost     sent, but the answer never came
│   ├── RateLimited           dagster_rate_limited
│   ├── Maintenance           dagster_maintenance
│   ├── Unavailable           dagster_unavailable     5xx after all retries
│   ├── TokenRefused          dagster_token_refused   401 or 403
│   ├── PermissionRefused     dagster_permission_refused  UnauthorizedError in the answer
│   ├── InvalidLocation       dagster_invalid_location    InvalidLocationError in the answer
│   ├── ServerError           dagster_server_error    PythonError or `errors` in the answer
│   ├── NotFound              dagster_not_found       404: organisation or deployment is wrong
│   ├── LaunchRefused         … a run that isn't started
│   │   ├── RunConfigRefused      run_config_refused      RunConfigValidationInvalid
│   │   ├── JobMissing            job_missing             PipelineNotFoundError
│   │   ├── StepMissing           step_missing            InvalidStepError, InvalidOutputError
│   │   ├── NothingToReexecute    nothing_to_reexecute    InvalidSubsetError
│   │   ├── RunConflict           run_conflict            RunConflict
│   │   └── LaunchNotUnderstood   launch_not_understood   what is wrong with the parameters
│   └── ProtocolError         dagster_protocol        an answer that we do not understand
├── LoadError
│   ├── LoadFailed            load_failed        the agent reported a Python error
│   ├── LoadTimedOut          load_timed_out
│   ├── NoAgent               no_agent
│   └── NoAgentOnQueue        no_agent_on_queue
├── StateError
│   ├── IllegalMove           illegal_move       a move that the table of states doesn't have
│   ├── LeaseLost             lease_lost         another worker has taken the target over
│   ├── LocationBusy          location_busy      a deploy of it has not ended
│   ├── OutdatedPlan          … a plan that can't be confirmed any more
│   │   ├── PlanChanged       plan_changed       what would be sent is not what was shown
│   │   ├── RefMoved          ref_moved          the branch or tag stands for another commit now
│   │   └── PlanExpired       plan_expired       it was not confirmed in time
│   ├── Overtaken             overtaken          an old deploy's button would undo a later deploy
│   ├── Superseded            superseded         somebody else changed the location meanwhile
│   ├── NothingToGoBackTo     nothing_to_go_back_to
│   ├── PutBackFailed         put_back_failed    what is live is unknown, and nobody confirmed
│   ├── AlreadyEnded          already_ended
│   ├── AlreadyProposed       already_proposed   its pull request is open
│   ├── CiNotDeployed         ci_not_deployed    merged, but CI hasn't deployed it in time
│   ├── AlreadySent           already_sent       too late to cancel: offers to go back
│   └── OtherVersion          other_version      planned by a version that knows more steps
├── Cancelled                 cancelled          a person stopped it
├── GoneBack                  gone_back          a person asked to go back while it was loading
├── StoreError
│   ├── StoreUnavailable      store_unavailable
│   ├── StoreTooNew           store_too_new
│   └── AnotherWorker         another_worker
└── InternalError             internal           a defect of ours; never shown without an id
"""

from deploy_core.model.errors.artifacts import (
    ArtifactError,
    BuildFailed,
    BuildKitNeeded,
    BuildNeeded,
    BuildSecretMissing,
    BuildTimedOut,
    ContextTooLarge,
    CredentialHelperFailed,
    DigestMismatch,
    DigestMissing,
    DiskFull,
    DockerfileMissing,
    EngineGone,
    ImageMissing,
    ImageNameInvalid,
    ImageNotFound,
    PushFailed,
    RegistryProtocol,
    RegistryQuota,
    RegistryUnauthorised,
    RegistryUnreachable,
    RepositoryMissing,
)
from deploy_core.model.errors.base import (
    Cancelled,
    ConfigInvalid,
    DeployError,
    GoneBack,
    InternalError,
    NotAllowed,
    all_errors,
)
from deploy_core.model.errors.dagster_plus import (
    AnswerLost,
    DagsterPlusError,
    InvalidLocation,
    Maintenance,
    NotFound,
    PermissionRefused,
    ProtocolError,
    RateLimited,
    ServerError,
    TokenRefused,
    Unavailable,
    Unreachable,
)
from deploy_core.model.errors.hosts import (
    HostError,
    HostNotAllowed,
    HostProtocol,
    HostRateLimited,
    HostRefused,
    HostRepositoryMissing,
    HostTokenRefused,
    HostUnreachable,
)
from deploy_core.model.errors.launches import (
    JobMissing,
    LaunchNotUnderstood,
    LaunchRefused,
    NothingToReexecute,
    RunConfigRefused,
    RunConflict,
    StepMissing,
)
from deploy_core.model.errors.loading import (
    LoadError,
    LoadFailed,
    LoadTimedOut,
    NoAgent,
    NoAgentOnQueue,
)
from deploy_core.model.errors.scaffold import (
    CreateNotConfigured,
    PackageNameInvalid,
    ProjectOptionInvalid,
    PushNotConfigured,
    RepositoryNotEmpty,
    TemplateInvalid,
)
from deploy_core.model.errors.serverless import (
    BaseImageRefused,
    DagsterMissing,
    DependencyUnresolved,
    NotPythonProject,
    PexBuilderMissing,
    PexBuildFailed,
    PexMissing,
    ProjectNotInstallable,
    PythonVersionUnknown,
    RequirementsUnreadable,
    ServerlessError,
    ServerlessNeeded,
    ServerlessRegistryMissing,
    UploadExpired,
    UploadFailed,
)
from deploy_core.model.errors.sources import (
    BranchExists,
    BranchRefused,
    DefaultsDiffer,
    FileExists,
    FileInvalid,
    FileNotEditable,
    FileNotFound,
    GitAuthFailed,
    GitFailed,
    GitUnreachable,
    SourceError,
    UnknownRef,
    UnsafePath,
)
from deploy_core.model.errors.state import (
    AlreadyEnded,
    AlreadyProposed,
    AlreadySent,
    CiNotDeployed,
    IllegalMove,
    LeaseLost,
    LocationBusy,
    NothingToGoBackTo,
    OtherVersion,
    OutdatedPlan,
    Overtaken,
    PlanChanged,
    PlanExpired,
    PutBackFailed,
    RefMoved,
    StateError,
    Superseded,
)
from deploy_core.model.errors.store import (
    AnotherWorker,
    StoreError,
    StoreTooNew,
    StoreUnavailable,
)
from deploy_core.model.errors.usage import (
    AlreadyInProject,
    AmbiguousLocation,
    CodeSourceInvalid,
    LocationNameInvalid,
    MixedProjects,
    PayloadInvalid,
    UnknownDeploy,
    UnknownDeployment,
    UnknownLocation,
    UnknownProject,
    UsageError,
)

__all__ = [
    "AlreadyEnded",
    "AlreadyInProject",
    "AlreadyProposed",
    "AlreadySent",
    "AmbiguousLocation",
    "AnotherWorker",
    "AnswerLost",
    "ArtifactError",
    "BaseImageRefused",
    "BranchExists",
    "BranchRefused",
    "BuildFailed",
    "BuildKitNeeded",
    "BuildNeeded",
    "BuildSecretMissing",
    "BuildTimedOut",
    "Cancelled",
    "CiNotDeployed",
    "CodeSourceInvalid",
    "ConfigInvalid",
    "ContextTooLarge",
    "CreateNotConfigured",
    "CredentialHelperFailed",
    "DagsterMissing",
    "DagsterPlusError",
    "DefaultsDiffer",
    "DependencyUnresolved",
    "DeployError",
    "DigestMismatch",
    "DigestMissing",
    "DiskFull",
    "DockerfileMissing",
    "EngineGone",
    "FileExists",
    "FileInvalid",
    "FileNotEditable",
    "FileNotFound",
    "GitAuthFailed",
    "GitFailed",
    "GitUnreachable",
    "GoneBack",
    "HostError",
    "HostNotAllowed",
    "HostProtocol",
    "HostRateLimited",
    "HostRefused",
    "HostRepositoryMissing",
    "HostTokenRefused",
    "HostUnreachable",
    "IllegalMove",
    "ImageMissing",
    "ImageNameInvalid",
    "ImageNotFound",
    "InternalError",
    "InvalidLocation",
    "JobMissing",
    "LaunchNotUnderstood",
    "LaunchRefused",
    "LeaseLost",
    "LoadError",
    "LoadFailed",
    "LoadTimedOut",
    "LocationBusy",
    "LocationNameInvalid",
    "Maintenance",
    "MixedProjects",
    "NoAgent",
    "NoAgentOnQueue",
    "NotAllowed",
    "NotFound",
    "NotPythonProject",
    "NothingToGoBackTo",
    "NothingToReexecute",
    "OtherVersion",
    "OutdatedPlan",
    "Overtaken",
    "PackageNameInvalid",
    "PayloadInvalid",
    "PermissionRefused",
    "PexBuildFailed",
    "PexBuilderMissing",
    "PexMissing",
    "PlanChanged",
    "PlanExpired",
    "ProjectNotInstallable",
    "ProjectOptionInvalid",
    "ProtocolError",
    "PushFailed",
    "PushNotConfigured",
    "PutBackFailed",
    "PythonVersionUnknown",
    "RateLimited",
    "RefMoved",
    "RegistryProtocol",
    "RegistryQuota",
    "RegistryUnauthorised",
    "RegistryUnreachable",
    "RepositoryMissing",
    "RepositoryNotEmpty",
    "RequirementsUnreadable",
    "RunConfigRefused",
    "RunConflict",
    "ServerError",
    "ServerlessError",
    "ServerlessNeeded",
    "ServerlessRegistryMissing",
    "SourceError",
    "StateError",
    "StepMissing",
    "StoreError",
    "StoreTooNew",
    "StoreUnavailable",
    "Superseded",
    "TemplateInvalid",
    "TokenRefused",
    "Unavailable",
    "UnknownDeploy",
    "UnknownDeployment",
    "UnknownLocation",
    "UnknownProject",
    "UnknownRef",
    "Unreachable",
    "UnsafePath",
    "UploadExpired",
    "UploadFailed",
    "UsageError",
    "all_errors",
]

"""The small table of likely causes for a code location that doesn't load.

The words that the rules look for are those of Python, of Dagster's packages and its agents (1.13),
of Docker and of Kubernetes, as they report them. The first rule that matches wins, so the ones
about the machine come before the ones about the code.
"""

import re

from deploy_core.model.evidence import Evidence, Rule

_AGAIN = "push, and deploy again."


def likely_cause(evidence: Evidence) -> tuple[str, str, str]:
    """Return the rule's name, the likely cause and the next step, each a sentence."""
    for rule in RULES:
        match = rule.match(evidence)
        if match is not None:
            groups = [(group or "")[:100] for group in match.groups()]
            return rule.name, rule.cause.format(*groups), rule.next_step.format(*groups)
    name = evidence.exception
    what = "The code server" if name == "Error" else f"The code raised {name}, and"
    cause = (
        "The code server reported an error while it loaded the code."
        if name == "Error"
        else f"{what} nothing caught it while the code was being loaded."
    )
    return "other", cause, f"Mend the line that is shown, {_AGAIN}"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _own_module(evidence: Evidence) -> bool:
    match = re.search(r"No module named '?([A-Za-z_]\w*)", evidence.message)
    return match is not None and match[1] in evidence.own_modules


def _reads_environment(evidence: Evidence) -> bool:
    inside = any(
        function == "__getitem__" and re.search(r"(^|/)os\.py$|<frozen os>", file)
        for file, function, _ in evidence.frames[-1:]
    )
    return inside or any("environ" in code for _, _, code in evidence.frames[-2:])


def _reads_settings(evidence: Evidence) -> bool:
    return any("pydantic_settings" in file for file, _, _ in evidence.frames)


def _inside_dagster(evidence: Evidence) -> bool:
    last = evidence.frames[-1][0] if evidence.frames else ""
    return re.search(r"/dagster(?:_\w+)?/", last) is not None


def _names(*names: str) -> frozenset[str]:
    return frozenset(names)


def _not_while_importing(evidence: Evidence) -> bool:
    return re.search(r"DagsterUserCodeLoadError|DagsterImportError", evidence.text) is None


RULES: tuple[Rule, ...] = (
    Rule(
        "agent_engine",
        _pattern(
            r"Error while fetching server API version|UnixHTTPConnectionPool\("
            r"|'Connection aborted\.', (?:FileNotFound|Permission|ConnectionRefused)Error\("
        ),
        "The agent can't reach the Docker engine that it pulls images with and runs them in.",
        "See that the engine runs and that the agent may use its socket: an agent pulls through"
        " /var/run/docker.sock, whatever its DOCKER_HOST says. Then retry.",
        # The code itself may ask an engine while it is imported: that is another matter.
        when=_not_while_importing,
    ),
    Rule(
        "agent_port",
        _pattern(r"port is already allocated|listen tcp4? \S+: bind: address already in use"),
        "Another program took the port that the agent had chosen for the code server.",
        "Retry: the agent chooses another one. This is nothing about the code.",
    ),
    Rule(
        "placement",
        _pattern(
            r"FailedScheduling|\bUnschedulable\b|Insufficient (?:cpu|memory|pods)\b"
            r"|\b\d+/\d+ nodes are available|unable to place a task|RESOURCE:(?:CPU|MEMORY|ENI)\b"
            r"|no container instances? (?:met|were found)|Capacity is unavailable at this time"
        ),
        "There is no place for the code server: no machine has the memory or the processors free.",
        "Make room or add machines, or ask for less in `container_context`; then redeploy.",
    ),
    Rule(
        "image_missing",
        _pattern(
            r"ImagePullBackOff|ErrImagePull|ErrImageNeverPull|InvalidImageName|ImageNotFound"
            r"|manifest unknown|manifest for \S+ not found|No such image|pull access denied"
            r"|CannotPullContainerError|repository does not exist"
        ),
        "The agent can't pull the image: it doesn't exist, or the agent may not read the registry.",
        "Check that the tag was pushed and that the agent has credentials for the registry.",
    ),
    Rule(
        "out_of_memory",
        _pattern(
            r"OOMKilled|OutOfMemory|\bSIGKILL\b"
            r"|exit(?:ed)?(?: with)?(?: return)? ?code:? ?'?(?:137|-9)\b"
            r"|return code -9\b|\bMemoryError\b"
        ),
        "The code server was killed, most likely because it ran out of memory.",
        "Raise the memory limit of the code server, or load less at import time.",
    ),
    Rule(
        "dagster_version",
        _pattern(
            r"version skew|DeserializationError|gRPC Error code: UNIMPLEMENTED"
            r"|StatusCode\.UNIMPLEMENTED|No such command 'api'"
        ),
        "The Dagster version in the image and the agent's are too far apart.",
        "Install the agent's Dagster version in the image, rebuild, and deploy again.",
    ),
    Rule(
        "dagster_version",
        _pattern(r"unexpected keyword argument '?(\w*)"),
        "The installed Dagster doesn't know the argument “{0}”: it is older or newer than the code"
        " was written for.",
        "Pin the Dagster version that the code needs, rebuild, and deploy again.",
        names=_names("TypeError"),
        when=_inside_dagster,
    ),
    Rule(
        "dagster_version",
        _pattern(
            r"cannot import name '?(\w+)'? from '?dagster|module '?dagster[\w.]*'? has no attribute"
            r" '?(\w+)"
        ),
        "The installed Dagster has no “{0}{1}”: the name is misspelt, or the code was written for"
        " another version.",
        "Mend the name or pin the Dagster version that the code needs, then rebuild.",
        names=_names("ImportError", "AttributeError"),
    ),
    Rule(
        "module_missing_own",
        _pattern(r"No module named '?([\w.]+)"),
        "“{0}” looks like the project's own code, and it isn't where the agent looks for it.",
        "Check the location's `code_source` and `working_directory`, and that the build copies the"
        " package.",
        names=_names("ModuleNotFoundError", "ImportError", "DagsterImportError"),
        when=_own_module,
    ),
    Rule(
        "module_missing",
        _pattern(r"No module named '?([\w.]+)"),
        "The package that provides “{0}” isn't installed where the code runs.",
        "Add it to the project's dependencies (or mend the import), rebuild, and deploy again.",
        names=_names("ModuleNotFoundError", "ImportError", "DagsterImportError"),
    ),
    Rule(
        "import_name",
        _pattern(r"partially initialized module '?([\w.]+)"),
        "Two modules import each other: “{0}” is used before it is complete.",
        f"Move one of the imports into a function or a third module, {_AGAIN}",
        names=_names("ImportError", "AttributeError"),
    ),
    Rule(
        "import_name",
        _pattern(r"cannot import name '?(\w+)'? from '?([\w.]+)"),
        "“{1}” has no “{0}”: the name is misspelt, or another version of it is installed.",
        f"Mend the import or the pinned version, {_AGAIN}",
        names=_names("ImportError", "DagsterImportError"),
    ),
    Rule(
        "environment_variable",
        _pattern(r"^['\"]?([^'\"\s]{1,100})"),
        "The environment variable {0} isn't set where the code runs.",
        "Set {0} for this location in Dagster+ (or in its `container_context`), then redeploy it.",
        names=_names("KeyError"),
        when=_reads_environment,
    ),
    Rule(
        "environment_variable",
        _pattern(
            r"environment variables? [\"'`(]*([A-Za-z_]\w*)[\"'`)]*[^.\n]{0,40}?"
            r"\b(?:not (?:set|found|defined|present)|missing|required|unset|undefined|isn't set)"
        ),
        "The environment variable {0} isn't set where the code runs.",
        "Set {0} for this location in Dagster+ (or in its `container_context`), then redeploy it.",
    ),
    Rule(
        "environment_variable",
        _pattern(r"\bfor \w+\s+(\w+)\s+Field required"),
        "The settings class finds no value for “{0}”: its environment variable isn't set where the"
        " code runs.",
        "Set it for this location in Dagster+ (or in its `container_context`), then redeploy it.",
        names=_names("ValidationError", "SettingsError"),
        when=_reads_settings,
    ),
    Rule(
        "duplicate_definition",
        _pattern(
            r"Duplicate (?:\w+ ){0,4}?(?:key|definition|name|node)\w*|is defined multiple times"
            r"|conflicting (?:\w+ ){0,2}?(?:definitions?|AssetSpecs|versions)|Duplicate definitions"
        ),
        "Two definitions have the same name or key.",
        f"Rename or remove one of them, {_AGAIN}",
        when=lambda evidence: evidence.exception.startswith(("Dagster", "Check", "Error")),
    ),
    Rule(
        "definitions_many",
        _pattern(r"Cannot have more than one|more than one (?:job|pipeline|graph|\w+) found"),
        "The module has more than one object that could be the location's definitions.",
        "Keep one `Definitions` in the module, or name it with `attribute` in dagster_cloud.yaml.",
        when=lambda evidence: evidence.exception.startswith("Dagster"),
    ),
    Rule(
        "definitions_missing",
        _pattern(r"No Definitions, .*? found in \"?([\w.]+)|not found at module scope"),
        "The module has no `Definitions`.",
        "Check `code_source` in dagster_cloud.yaml, or add a `Definitions` object to the module.",
    ),
    Rule(
        "syntax",
        _pattern(r""),
        "The file isn't valid Python for the version that runs it.",
        f"Mend the line that is shown, {_AGAIN}",
        names=_names("SyntaxError", "IndentationError", "TabError"),
    ),
    Rule(
        "credentials",
        _pattern(
            r"\b(?:HTTP|status|code|error)\W{0,3}(?:401|403)\b|\b40[13] Client Error"
            r"|unauthori[sz]ed|forbidden|access ?denied|authentication failed"
            r"|invalid (?:credentials|api key|token)|expired ?token|NoCredentials"
            r"|unable to locate credentials|default credentials"
        ),
        "The code asks for a secret or a service while it is imported, and was refused.",
        "Check the location's credentials; better, connect in a resource instead of at import.",
        when=lambda evidence: not evidence.exception.startswith("Dagster"),
    ),
    Rule(
        "network",
        _pattern(
            r"connection refused|name or service not known|temporary failure in name resolution"
            r"|nodename nor servname|could not (?:connect|translate host)|network is unreachable"
            r"|no route to host|connection (?:timed out|reset)|max retries exceeded|read timed out"
            r"|ConnectTimeout|ConnectError|certificate verify failed"
        ),
        "The code calls a service while it is imported, and can't reach it from there.",
        "Connect in a resource instead of at import, or open the way to the service.",
        when=lambda evidence: not _from_the_agent(evidence),
    ),
    Rule(
        "startup_timed_out",
        _pattern(
            r"Timed out after waiting ([\d.]+)s? for server|Timed out waiting for (?:gRPC server|"
            r"deployment|a running task|Container App|location data)|took too long to start"
        ),
        "The code server didn't answer in time: the import is slow, or the process hangs or died.",
        "Look at the code server's log; make the import faster, or raise the agent's"
        " `server_process_startup_timeout`.",
    ),
    Rule(
        "server_died",
        _pattern(
            r"gRPC server exited with return code|Code server failed to start up|CrashLoopBackOff"
            r"|CreateContainerConfigError|terminated unexpectedly"
        ),
        "The code server stopped while it was starting.",
        "Read the full error below for what its log says, and the agent's log for the rest.",
    ),
    Rule(
        "server_unreachable",
        _pattern(r"Could not reach user code server|DagsterUserCodeUnreachableError"),
        "The agent can't reach the code server that it started.",
        "Retry; if it stays, look at the code server's log and at the network between the two.",
    ),
    Rule(
        "file_missing",
        _pattern(r""),
        "A file that the code reads while it is imported isn't there.",
        "Check that the build copies the file, and that the path doesn't depend on the folder.",
        names=_names("FileNotFoundError", "NotADirectoryError"),
    ),
    Rule(
        "permission",
        _pattern(r""),
        "The code server's user may not read or write a file that the code needs at import.",
        "Give the file other permissions in the image, or use another folder.",
        names=_names("PermissionError"),
    ),
    Rule(
        "configuration",
        _pattern(r""),
        "A resource or a configuration object was given a value that its schema refuses.",
        f"Mend the value in the line that is shown, {_AGAIN}",
        names=_names(
            "ValidationError",
            "DagsterInvalidConfigError",
            "DagsterInvalidPythonicConfigDefinitionError",
        ),
    ),
    Rule(
        "resource_missing",
        _pattern(r"resource with key '([^']+)' required by .*? was not provided"),
        "The definitions need a resource “{0}”, and `Definitions` has none of that name.",
        f"Add it to `resources` of `Definitions`, {_AGAIN}",
        names=_names("DagsterInvalidDefinitionError"),
    ),
    Rule(
        "definition",
        _pattern(r""),
        "Dagster refuses a definition; its message says which.",
        f"Mend the definition, {_AGAIN}",
        names=_names(
            "DagsterInvalidDefinitionError",
            "DagsterInvariantViolationError",
            "DagsterInvalidSubsetError",
            "ParameterCheckError",
            "CheckError",
            "ElementCheckError",
            "NotImplementedCheckError",
        ),
    ),
)


def _from_the_agent(evidence: Evidence) -> bool:
    return "Timed out" in evidence.text or "user code server" in evidence.text

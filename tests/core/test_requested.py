"""What Dagster+ stores of a request, read back as the document that it was."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deploy_core.dagster_plus.wire import read_deployed
from deploy_core.model.documents import clean
from deploy_core.requested import document_of
from sandbox.dagster_plus.documents import CODE_SOURCES, serialized_deployment_metadata

TEXT = st.text(min_size=1, max_size=10)
DOCUMENTS = st.fixed_dictionaries(
    {
        "location_name": TEXT,
        "code_source": st.sampled_from(CODE_SOURCES).flatmap(
            lambda name: st.fixed_dictionaries({name: TEXT})
        ),
    },
    optional={
        **dict.fromkeys(
            ("image", "working_directory", "executable_path", "attribute", "agent_queue"), TEXT
        ),
        "git": st.fixed_dictionaries({"commit_hash": TEXT, "url": TEXT}),
        "pex_metadata": st.fixed_dictionaries({"pex_tag": TEXT}, optional={"python_version": TEXT}),
        "container_context": st.dictionaries(TEXT, st.dictionaries(TEXT, st.lists(TEXT))),
    },
)


@settings(max_examples=50, deadline=None)
@given(DOCUMENTS)
def test_the_document_is_read_back(document: dict[str, Any]) -> None:
    entry = {
        "locationName": document["location_name"],
        "serializedDeploymentMetadata": serialized_deployment_metadata(document),
    }
    answer = json.loads(json.dumps({"workspace": {"workspaceEntries": [entry]}}))
    (deployed,) = read_deployed(answer).values()
    assert document_of(deployed) == clean(document)

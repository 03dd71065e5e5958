"""The steps of a target. Each can be run again after a crash without doing harm."""

from deploy_core.model.plan import StepName
from deploy_core.steps.change import apply, read_live
from deploy_core.steps.checkout import checkout
from deploy_core.steps.image import build, find_image, push
from deploy_core.steps.load import put_back_verify, put_back_wait, verify, wait
from deploy_core.steps.pex import build_pex, upload_pex
from deploy_core.steps.put_back import put_back_apply

STEPS = {
    StepName.CHECKOUT: checkout,
    StepName.FIND_IMAGE: find_image,
    StepName.BUILD: build,
    StepName.PUSH: push,
    StepName.BUILD_PEX: build_pex,
    StepName.UPLOAD_PEX: upload_pex,
    StepName.READ_LIVE: read_live,
    StepName.APPLY: apply,
    StepName.WAIT: wait,
    StepName.VERIFY: verify,
    StepName.PUT_BACK_APPLY: put_back_apply,
    StepName.PUT_BACK_WAIT: put_back_wait,
    StepName.PUT_BACK_VERIFY: put_back_verify,
}

"""What the forms say."""

from typing import Final

TITLE: Final = "Deploy code locations"
SUBMIT: Final = "Deploy"
CLOSE: Final = "Close"
LOADING: Final = "Looking up your code locations…"
LOCATIONS: Final = "Code locations"
REF: Final = "Branch, tag or commit"
REF_HINT: Final = "Empty means the project's default branch."
IMAGE: Final = "Image"
IMAGE_HINT: Final = "Choose the code location first. Empty means the image of the commit above."
DEPLOYMENT: Final = "Deployment"
CODE: Final = "More about the code"
CODE_HINT: Final = (
    "For one location: --python-file, --module-name or --package-name, --attribute,"
    " --working-directory. For PEX files also --python-version."
)
CODE_PLACEHOLDER: Final = "--module-name shop.definitions --python-version 3.12"
CODE_UNREADABLE: Final = "Only these options can stand here, each with a value."
WHY: Final = "Reason"
WHY_HINT: Final = "Kept with the deploy, for whoever looks at it later."
CHOOSE: Final = "Choose"
NO_LOCATION: Final = "Choose at least one code location."
UNREADABLE: Final = "This has characters that can't be used here."
REST_IN_THREAD: Final = "The rest is in the thread of the deploy."
NO_DETAIL: Final = "There is no more to tell than the card says."

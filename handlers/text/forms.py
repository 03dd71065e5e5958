"""What the forms say."""

from typing import Final

TITLE: Final = "Deploy code locations"
SUBMIT: Final = "Deploy"
CLOSE: Final = "Close"
LOADING: Final = "Looking up your code locations…"
LOCATIONS: Final = "Code locations"
REF: Final = "Branch, tag or commit"
REF_HINT: Final = "Empty means the project's default branch."
DEPLOYMENT: Final = "Deployment"
WHY: Final = "Reason"
WHY_HINT: Final = "Kept with the deploy, for whoever looks at it later."
CHOOSE: Final = "Choose"
NO_LOCATION: Final = "Choose at least one code location."
UNREADABLE: Final = "This has characters that can't be used here."
REST_IN_THREAD: Final = "The rest is in the thread of the deploy."
NO_DETAIL: Final = "There is no more to tell than the card says."

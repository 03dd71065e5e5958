"""What `help` says."""

from typing import Final

from handlers.usage import FORMS

INTRO: Final = "*dagster-chatops* deploys the code locations of Dagster+ from Slack."
FOOT: Final = (
    "The same works after a mention of the bot, in threads too. `@REF` is a branch, a tag or a"
    " commit. Names with spaces stand in quotes. `help COMMAND` tells more about one."
)

SHORT: Final[dict[str, str]] = {
    "deploy": "put code locations live, and prove it; with no location a form opens",
    "add-location": "put a new code location live that is in no project; without more a form opens",
    "edit-location": "change a code location in a form that shows how it is",
    "remove-location": "show what would go with a code location, and remove it",
    "restore-location": "deploy a removed code location as it was",
    "adopt": "bring what is live of a code location into a project's repository",
    "new-project": "write the repository of a new code location, CI included",
    "redeploy": "deploy the same version again, as after a changed secret",
    "rollback": "put back what was live before",
    "cancel": "stop a deploy; once the change was sent, go back instead",
    "deploys": "list running and recent deploys",
    "logs": "show the steps and errors of a deploy",
    "status": "say what is live, what is broken, and who put it there",
    "agents": "say how the agents are, and what hangs on them",
    "subscribe": "have a channel told of what breaks, or send it a digest; alone it opens a form",
    "unsubscribe": "end a subscription",
    "subscriptions": "say what a channel is told of",
    "mute": "tell a channel nothing new for a while",
    "help": "show this, or more about one command",
}

MORE: Final[dict[str, str]] = {
    "deploy": (
        "The plan is made from `dagster_cloud.yaml` at the ref (the project's default branch if"
        " none is given), the change is sent, and the agent is waited for. Live means that it was"
        " seen to be loaded. When it doesn't load, what was live before is put back.\n"
        "`--all` deploys every location of the configuration, `--image` takes this image"
        " (`:TAG` for one of the location's own repository),"
        " `--rebuild` builds the image or the PEX files anew,"
        " `--python-version` and `--base-image-tag` choose what PEX files run on,"
        " `--python-file`, `--module-name`, `--package-name`, `--attribute` and"
        " `--working-directory` go over what the file says of one location,"
        " `--why` is kept with the deploy. A name in two projects is written `project:location`.\n"
        "Examples: `deploy core@main to prod`, `deploy core dbt @v1.2`,"
        ' `deploy --all --why "new base image"`'
    ),
    "add-location": (
        "Takes the place of the definitions: `--module`, `--package`, `--file` or"
        " `--autoload-module`, one of them. The image must be in its registry. It is loaded and"
        " verified like any deploy. A name that exists is updated: what you don't say stays as it"
        " is, and you are shown what changes and asked to confirm it. `to prod,staging` puts it on"
        " both. With `--in PROJECT` it comes"
        " by a pull request to the project's repository, and goes live when that is merged;"
        " `--build-directory` and `--registry` say how its image is built.\n"
        "Example: `add-location shop --module shop.definitions --image ghcr.io/acme/shop:1.4"
        " --queue gpu to prod`"
    ),
    "edit-location": (
        "Opens the form of `add-location`, filled from what is live. You are shown what changes"
        " before anything happens.\nExample: `edit-location shop in prod`"
    ),
    "remove-location": (
        "Shows the jobs, the schedules and sensors that are on and the runs in flight, and asks you"
        " to type the name. What it was is kept.\nExample: `remove-location shop from prod`"
    ),
    "restore-location": (
        "Deploys what was removed last under this name; it is verified like any deploy.\n"
        "Example: `restore-location shop to prod`"
    ),
    "adopt": (
        "Takes what is live of a code location that is in no project, and writes it into the"
        " project's `dagster_cloud.yaml` by a pull request. `--update` writes it over what the file"
        " says already. What a deploy sets itself, as the commit or an image that is built, isn't"
        " written.\nExample: `adopt shop to data-platform in prod`"
    ),
    "new-project": (
        "Writes a whole repository: the package with an example asset, tests, the image where"
        " agents of your own run it, and the CI workflow that deploys it. You get a zip file and"
        " the list of the secrets to set; `--push` makes it the first commit of an empty"
        " repository instead. Whether agents of your own run it is asked of Dagster+, unless"
        " `--agent` says it."
        " `--image` is where CI pushes the images, without a tag. Without a name a form opens.\n"
        "Examples: `new-project shop --image ghcr.io/acme/shop to prod`,"
        " `new-project shop --ci gitlab --python 3.12`"
    ),
    "redeploy": (
        "Sends what is live once more, without reading git, so that the agent starts the code anew"
        " with its present secrets.\nExample: `redeploy core in prod`"
    ),
    "rollback": (
        "Takes a deploy's number, or the names of locations: then what was live before their last"
        " deploy. It is verified like any deploy.\nExamples: `rollback 12`, `rollback core in prod`"
    ),
    "cancel": (
        "Takes a deploy's number or a location; in a deploy's thread neither is needed. Before the"
        " change was sent nothing has changed; after it, you are offered to go back.\n"
        "Examples: `cancel 12`, `cancel core in prod`"
    ),
    "deploys": "Examples: `deploys`, `deploys core in prod`",
    "logs": (
        "Takes a deploy's number or a location; in a deploy's thread neither is needed.\n"
        "Examples: `logs 12`, `logs core`"
    ),
    "status": (
        "One location, a project, a pattern such as `dbt*`, or everything, the worst first."
        " `--state` takes `failed`, `agent-down`, `loading`, `loaded`, `behind` (the default branch"
        " has more commits) or `outside` (what is live wasn't put there by the bot). `--here` shows"
        " the answer to the whole channel.\n"
        "Examples: `status`, `status core in prod`, `status --state failed`"
    ),
    "agents": "Examples: `agents`, `agents in prod --here`",
    "subscribe": (
        "The channel is the one that you write in, unless you name another. The events are"
        " `failures` (code locations that fail to load, and recover), `agents`, `changes` (made"
        " outside the bot), `runs` (that failed), `silence` (of schedules, sensors and run"
        " queues) and `deploys` (that have ended), or `all` of them. After `for`"
        " stand code locations, projects, deployments, patterns such as `dbt*`, or `tag:KEY=VALUE`"
        " for runs with this tag. In the quiet hours nothing new is posted; at their end you read"
        " what is still so. A digest comes `daily`, on `weekdays`, or `weekly mon`.\n"
        "Examples: `subscribe failures runs for dbt* in prod quiet 22:00-07:00 Europe/Berlin`,"
        " `subscribe #data digest daily 09:00 Europe/Berlin`"
    ),
    "unsubscribe": (
        "Takes a subscription's number, or ends all of a channel.\n"
        "Examples: `unsubscribe 3`, `unsubscribe #data --all`"
    ),
    "subscriptions": "Examples: `subscriptions`, `subscriptions #data`, `subscriptions --all`",
    "mute": (
        "For so long (`45m`, `2h`, `3d`) nothing new is posted in the channel; at the end you read"
        " what is still so. Messages that are there already are still edited. `off` ends it."
        " Events and names narrow it down.\nExamples: `mute 2h`, `mute 1d runs for marts`,"
        " `mute off`"
    ),
    "help": "Example: `help deploy`",
}


def overview() -> tuple[str, ...]:
    """Return the list of all commands, in parts of which each fits into a section."""
    lines = [f"• `{FORMS[verb]}`\n    {short}" for verb, short in SHORT.items()]
    half = len(lines) // 2
    return "\n".join([INTRO, *lines[:half]]), "\n".join([*lines[half:], FOOT])


def about(verb: str) -> str:
    """Return what there is to say about one command."""
    return f"`{FORMS[verb]}`\n{SHORT[verb][0].upper()}{SHORT[verb][1:]}.\n{MORE[verb]}"

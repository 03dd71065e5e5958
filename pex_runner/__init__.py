"""Builds PEX files with Dagster's own builder, in a process that the bot starts for each build.

The bot itself never imports Dagster, nor this package: it runs `__main__.py` as a file, with a
Python that has the extra `serverless`. The file therefore needs that extra and the standard
library only.
"""

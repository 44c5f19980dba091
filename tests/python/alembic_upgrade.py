"""Runs Alembic's own `upgrade` on the revisions in this folder: alembic_upgrade.py URL REVISION."""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

url, revision = sys.argv[1:]
config = Config()
config.set_main_option("script_location", str(Path(__file__).parent / "alembic"))
config.attributes["url"] = url
command.upgrade(config, revision)

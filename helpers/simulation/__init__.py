"""Honest phantoms: simulated recordings whose ground truth is known.

Each ``write_*`` function writes one data set into a folder, file by file as the
fetchers of nilearn lay it out, so that one reading path serves simulated and real
data. The anatomy is real (MNI152); signal, noise and artifacts are simulated, and
what was put in is written beside them in a folder ``truth``. Everything is seeded.
"""

from helpers.simulation.haxby import write_haxby
from helpers.simulation.miyawaki import write_miyawaki
from helpers.simulation.rest import (
    REST_ARTIFACTS,
    REST_CONNECTION,
    REST_IDS,
    REST_NETWORKS,
    write_rest,
)

__all__ = [
    "REST_ARTIFACTS",
    "REST_CONNECTION",
    "REST_IDS",
    "REST_NETWORKS",
    "VERSIONS",
    "write_haxby",
    "write_miyawaki",
    "write_rest",
]

# Each changes whenever a file of its data set would: datasets.py rewrites the older.
VERSIONS = {"haxby": "1", "miyawaki": "2", "rest": "2"}

"""How many stories the long part plays, and from which seed: the environment says."""

from __future__ import annotations

import os

EXAMPLES = int(os.environ.get("CYNOSURE_EXAMPLES", "10000"))
SEED = int(os.environ.get("CYNOSURE_SEED", "0"))
PARTS = 20
UNFOLDED = max(1, EXAMPLES * 3 // 5 // PARTS)
"""Stories a part that a seed unfolds into."""
DRAWN = max(1, EXAMPLES * 2 // 5 // PARTS)
"""Stories a part that hypothesis draws step by step."""

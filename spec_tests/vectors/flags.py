"""What the flags of cases mean: what they are about, what defects they catch, and public reports of such defects."""

import json
from pathlib import Path
from typing import Any

FLAGS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "flags.json").read_text(encoding="utf-8"))
"""By flag: `about`, `catches`, and `reports`, each a repository and a number on GitHub."""

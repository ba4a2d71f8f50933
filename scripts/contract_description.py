"""Prints the API description that scripts/contract tests the server against.

Arguments: the URL of openapi.json and the path of the overlay, a JSON merge patch in YAML.
"""

import json
import sys
import urllib.request

import yaml


def main(url, overlay_path):
    with urllib.request.urlopen(url) as response:
        description = json.load(response)
    with open(overlay_path, encoding="utf-8") as overlay:
        json.dump(merge_patch(description, yaml.safe_load(overlay)), sys.stdout)


def merge_patch(target, patch):
    """Applies a JSON merge patch (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


if __name__ == "__main__":
    main(*sys.argv[1:])

"""YAML parsed as people expect: `1e-5` is a number, and a repeated key in a mapping is an error."""
from __future__ import annotations

import re

import yaml

from rlvr_utils.errors import UserError, reason, shown


class _Loader(yaml.SafeLoader):
    """PyYAML follows YAML 1.1, in which `1e-5` is text and the last of two equal keys wins silently."""

    def construct_mapping(self, node, deep=False):
        names = [(key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)] \
            if isinstance(node, yaml.MappingNode) else []
        for place, name in enumerate(names):
            if name in names[:place]:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {shown(name[1])} appears twice", problem_mark=node.value[place][0].start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:float",
                              re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+\Z"), list("-+.0123456789"))


def parse_yaml(text: str, place: object) -> object:
    """The value of a YAML text. Raises `UserError` naming `place`, and the line if it is known."""
    try:
        return yaml.load(text, _Loader)  # a safe loader: it makes plain data only
    except Exception as error:  # an impossible date, for example, does not raise YAMLError
        mark = getattr(error, "problem_mark", None)
        why = f"line {mark.line + 1}: {error.problem}" if mark else reason(error)
        raise UserError(f"{place}: not valid YAML ({why}); correct it") from None

"""What the users of a group have in common: sequences, with a floor of users before any is told."""

from streams.models.groups.group_counts import GroupCounts
from streams.models.groups.group_rules import FLOOR, GroupRule, group_rules

__all__ = ["FLOOR", "GroupCounts", "GroupRule", "group_rules"]

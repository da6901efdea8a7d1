"""Which data a program's runs touch, so that it can be brought near before the run."""

from streams.models.dataaccess.data_access import DataAccess
from streams.models.dataaccess.data_key import data_key, data_text

__all__ = ["DataAccess", "data_key", "data_text"]

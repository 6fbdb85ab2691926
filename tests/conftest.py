"""What every suite may ask for."""

from tests.local_cloud import local_cloud

__all__ = ["local_cloud"]

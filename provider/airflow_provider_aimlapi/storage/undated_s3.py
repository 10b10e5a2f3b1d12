"""An s3fs file system's S3 for listings that nobody asks for dates.

Most of a listing's time is botocore's, for reading when each object changed. Opens no file.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.storage.s3_access import usual_access

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsspec import AbstractFileSystem

DATA_LOADER = "data_loader"
"""botocore's: a session that takes another's does not read the description of S3 once more."""


@contextmanager
def undated(fs: AbstractFileSystem) -> Iterator[AbstractFileSystem]:
    """The same buckets with the same credentials, all dates left as text.

    Gives the file system itself where it is of another kind, or set up in an unusual way.
    """
    access = usual_access(fs)
    if access is None:
        yield fs
        return
    # Only here: who has no s3fs has no aiobotocore.
    from aiobotocore.session import AioSession  # noqa: PLC0415

    session = AioSession(profile=fs.session.profile)
    session.register_component(DATA_LOADER, fs.session.get_component(DATA_LOADER))
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=str)
    lister = type(fs)(
        session=session,
        key=access.key,
        secret=access.secret,
        token=access.token,
        endpoint_url=access.endpoint_url,
        client_kwargs={"region_name": access.region},
        config_kwargs=fs.config_kwargs,
        skip_instance_cache=True,
    )
    try:
        yield lister
    finally:  # now, on its own loop: the garbage collector would do it on whatever thread it is
        lister.close_session(lister.loop, lister.s3)

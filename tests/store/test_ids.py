"""Names for what is kept."""

import time
import uuid

from gateway.store.ids import new_id


def test_ids_are_version_7_uuids_and_never_the_same() -> None:
    ids = [new_id() for _ in range(2000)]
    assert len(set(ids)) == len(ids)
    assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in ids} == {(7, uuid.RFC_4122)}


def test_ids_grow_with_time() -> None:
    milliseconds = [int(new_id().replace("-", "")[:12], 16) for _ in range(2000)]
    assert milliseconds == sorted(milliseconds)
    assert abs(milliseconds[-1] / 1000 - time.time()) < 5
